import { validateHeaderValue } from 'node:http';
import { DroverError } from '../errors.ts';
import type { UpstreamOptions, UpstreamRequest } from '../plan/upstream.ts';
import type { UpstreamDefaults } from './options.ts';
import { requestUrl } from './target.ts';
import type { OutgoingRequest } from './wire.ts';

/**
 * A caller's request as it goes out: URL, headers, deadlines, and whether it may be sent twice.
 * @throws DroverError CONFIGURATION when the path leads out of the upstream or a header cannot be sent.
 */
export function buildRequest(
  request: UpstreamRequest,
  settings: UpstreamOptions,
  base: URL,
  defaults: UpstreamDefaults,
): OutgoingRequest {
  const { idempotencyKey, method } = request;
  return {
    label: `${settings.name} ${request.endpoint}`,
    url: requestUrl(base, request),
    method,
    headers: requestHeaders(request, settings),
    body: request.body,
    repeatable: method === 'GET' || idempotencyKey !== undefined,
    timeoutMs: settings.timeoutMs ?? defaults.timeoutMs,
    connectTimeoutMs: defaults.connectTimeoutMs,
    maxBodyBytes: defaults.maxBodyBytes,
    explain: request.explain,
    signal: request.signal,
  };
}

function requestHeaders(request: UpstreamRequest, settings: UpstreamOptions): Record<string, string> {
  const { idempotencyKey, body } = request;
  return {
    accept: 'application/json',
    'user-agent': 'drover',
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(idempotencyKey !== undefined &&
      normalizeHeaders({ [settings.idempotencyHeader ?? 'idempotency-key']: idempotencyKey })),
    ...normalizeHeaders(settings.headers ?? {}),
    ...normalizeHeaders(request.headers ?? {}),
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    'accept-encoding': 'gzip',
  };
}

/** Lower-case names, so that a later header replaces an earlier one; values without the line end of a key file. */
function normalizeHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()] as const);
  for (const [name, value] of entries) assertSendable(name, value);
  return Object.fromEntries(entries);
}

function assertSendable(name: string, value: string): void {
  try {
    validateHeaderValue(name, value);
  } catch {
    throw new DroverError('CONFIGURATION', `the header ${name} holds characters that cannot be sent; look at its key`);
  }
}
