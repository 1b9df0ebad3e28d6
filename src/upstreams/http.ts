import http, { type IncomingMessage, validateHeaderValue } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DroverError } from '../errors.ts';
import type { ErrorMapper, UpstreamOptions, UpstreamRequest } from '../plan/upstream.ts';
import { requestUrl } from './address.ts';
import type { UpstreamDefaults } from './options.ts';

/** One HTTP request as it is sent. Times in milliseconds. */
export interface OutgoingRequest {
  /** Named in errors, without ids: `bubble obj/user`. */
  readonly label: string;
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** False for a write that must not be sent twice: it gets a connection of its own, see createConnectionPool. */
  readonly repeatable: boolean;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxBodyBytes: number;
  /** See UpstreamRequest. */
  readonly explain?: ErrorMapper | undefined;
  readonly signal: AbortSignal;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Phase = 'connecting' | 'waiting for the answer' | 'reading the answer';

/** Bytes of one exchange as they travelled, headers included. */
export interface TransferredBytes {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/**
 * Sends one request and reads the whole answer, whatever its status. Redirects are answers, not followed.
 * @throws DroverError UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT, UPSTREAM_BAD_ANSWER (cut off, too big),
 * UPSTREAM_FORBIDDEN_ADDRESS; the signal's reason when it aborts.
 * `onBytes` is called with the bytes transferred, however it ends.
 */
export async function sendRequest(
  outgoing: OutgoingRequest,
  sockets: ConnectionPool,
  onBytes?: (bytes: TransferredBytes) => void,
): Promise<RawResponse> {
  outgoing.signal.throwIfAborted();
  const call = openRequest(outgoing, sockets);
  const bytes = countBytes(call);
  const watch = watchDeadlines(outgoing, call);
  try {
    const answer = await responseTo(call);
    watch.enterPhase('reading the answer');
    const body = await readBody(answer, outgoing.maxBodyBytes);
    return { status: answer.statusCode ?? 0, headers: flattenHeaders(answer.headers), body };
  } catch (error) {
    call.destroy();
    outgoing.signal.throwIfAborted();
    throw transportError(outgoing.label, watch, error);
  } finally {
    watch.dispose();
    onBytes?.(bytes());
  }
}

/** Counted from the socket's counters at the start, because a kept-alive connection has carried other requests before. */
function countBytes(call: http.ClientRequest): () => TransferredBytes {
  let count = (): TransferredBytes => ({ sentBytes: 0, receivedBytes: 0 });
  call.once('socket', (socket) => {
    const [written, read] = [socket.bytesWritten, socket.bytesRead];
    count = () => ({ sentBytes: socket.bytesWritten - written, receivedBytes: socket.bytesRead - read });
  });
  return () => count();
}

function openRequest(outgoing: OutgoingRequest, sockets: ConnectionPool): http.ClientRequest {
  const { url, method, headers, body, repeatable } = outgoing;
  const { request } = url.protocol === 'https:' ? https : http;
  const call = request(url, { method, headers, ...sockets.agentFor(url, repeatable) });
  call.end(body);
  return call;
}

function responseTo(call: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve);
    // Stays attached: a late error without a listener would end the process.
    call.on('error', reject);
  });
}

interface DeadlineWatch {
  readonly phase: Phase;
  readonly timedOut: boolean;
  enterPhase(phase: Phase): void;
  dispose(): void;
}

/** Ends the request when a deadline passes or the caller aborts, and records its phase. */
function watchDeadlines(
  { timeoutMs, connectTimeoutMs, signal }: OutgoingRequest,
  call: http.ClientRequest,
): DeadlineWatch {
  let phase: Phase = 'connecting';
  let timedOut = false;
  const stop = () => call.destroy(new Error('ended by its deadline or its caller'));
  const expire = () => {
    timedOut = true;
    stop();
  };
  const overall = setTimeout(expire, timeoutMs);
  const connect = setTimeout(expire, Math.min(connectTimeoutMs, timeoutMs));
  const connected = () => {
    clearTimeout(connect);
    phase = 'waiting for the answer';
  };
  call.once('socket', (socket) => {
    if (!socket.connecting) return connected();
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected);
  });
  signal.addEventListener('abort', stop, { once: true });
  return {
    get phase() {
      return phase;
    },
    get timedOut() {
      return timedOut;
    },
    enterPhase: (next) => {
      phase = next;
    },
    dispose: () => {
      clearTimeout(overall);
      clearTimeout(connect);
      signal.removeEventListener('abort', stop);
    },
  };
}

function transportError(label: string, { phase, timedOut }: DeadlineWatch, error: unknown): DroverError {
  if (timedOut) return new DroverError('UPSTREAM_TIMEOUT', `${label}: no end within the deadline, while ${phase}`);
  if (error instanceof DroverError) return new DroverError(error.code, `${label}: ${error.message}`, { cause: error });
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown fault';
  return phase === 'reading the answer'
    ? new DroverError('UPSTREAM_BAD_ANSWER', `${label}: the answer was cut off (${code})`, { cause: error })
    : new DroverError('UPSTREAM_UNREACHABLE', `${label}: ${code} while ${phase}`, { cause: error });
}

function flattenHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const pairs = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)]),
  );
}

/**
 * A caller's request in the form it is sent in: URL, headers, deadlines, and whether it may be sent twice.
 * @throws DroverError CONFIGURATION when the path leads outside the upstream or a header cannot be sent.
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
    throw new DroverError('CONFIGURATION', `the header ${name} contains characters that cannot be sent; check its key`);
  }
}

/**
 * The whole body, decompressed. Its size is limited after decompression, against decompression bombs.
 * @throws DroverError UPSTREAM_BAD_ANSWER when it is larger than the cap or in an encoding that was not requested.
 */
async function readBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of decompressed(answer)) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw badBody(`the answer is larger than ${Math.floor(maxBytes / 1_048_576)} MB`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, bytes);
}

function decompressed(answer: IncomingMessage): Readable {
  const encoding = (answer.headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding === 'identity') return answer;
  if (encoding !== 'gzip') throw badBody(`the answer has the encoding ${encoding.slice(0, 20)}`);
  return pipeline(answer, createGunzip(), () => {
    // The reader of the gunzip stream gets the error.
  });
}

/**
 * Bytes as text. UTF-8 regardless of the header: JSON has no other encoding, and decoding Latin-1 leniently would put
 * replacement characters into people's names.
 * @throws DroverError UPSTREAM_BAD_ANSWER when the bytes are not UTF-8.
 */
export function decodeText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badBody('the answer is not UTF-8');
  }
}

function badBody(message: string): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', message);
}

/** Connections to upstreams. */
export interface ConnectionPool {
  agentFor(url: URL, repeatable: boolean): { agent: http.Agent; lookup?: LookupFunction };
}

/**
 * Kept-alive connections for requests that may be sent again. A server may close an idle connection just as it is used,
 * which looks like a lost answer; so a write that must not be sent twice gets a new connection.
 */
export function createConnectionPool(lookup: LookupFunction | undefined): ConnectionPool {
  const agents = {
    'http:': { kept: new http.Agent({ keepAlive: true }), fresh: new http.Agent() },
    'https:': { kept: new https.Agent({ keepAlive: true }), fresh: new https.Agent() },
  };
  return {
    agentFor(url, repeatable) {
      const { kept, fresh } = agents[url.protocol as keyof typeof agents];
      return { agent: repeatable ? kept : fresh, ...(lookup && { lookup }) };
    },
  };
}
