import { DroverError } from '../errors.ts';
import type { Json } from '../plan/json.ts';
import type { UpstreamResponse } from '../plan/upstream.ts';
import { decodeText, type OutgoingRequest, type RawResponse } from './http.ts';

/** The parts of the request that its answer is classified with. */
export type RequestInfo = Pick<OutgoingRequest, 'label' | 'method' | 'headers' | 'explain'>;

/**
 * Converts an answer with status 2xx or 404 to the response the caller gets.
 * @throws DroverError for every other status, and UPSTREAM_BAD_ANSWER for a 2xx without the requested content.
 */
export function classifyAnswer(raw: RawResponse, asked: RequestInfo): UpstreamResponse {
  const { status } = raw;
  const good = status >= 200 && status < 300;
  if (!good && status !== 404) throw statusError(raw, asked);
  const response = toResponse(raw, asked.label);
  if (good) assertExpectedContent(response, asked);
  return response;
}

function toResponse({ status, headers, body }: RawResponse, label: string): UpstreamResponse {
  const text = withLabel(label, () => decodeText(body));
  return { status, headers, text, json: () => parseJson(text, label) };
}

/** Proxies send error pages with status 200 too; a retry is better than a source that seems empty. */
function assertExpectedContent(response: UpstreamResponse, { label, method, headers }: RequestInfo): void {
  const type = response.headers['content-type'] ?? '';
  if (/\bhtml\b/i.test(type)) throw badAnswer(label, `answered ${response.status} with an HTML page`);
  if (!headers.accept?.includes('json')) return;
  if (response.text === '' && (method !== 'GET' || response.status === 204)) return;
  response.json();
}

function parseJson(text: string, label: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // The parser's own message quotes the text, which may hold personal data.
    throw badAnswer(label, `the answer is not JSON (${text.length} characters)`);
  }
}

function statusError(raw: RawResponse, { label, headers, explain }: RequestInfo): DroverError {
  const { status } = raw;
  if (status >= 300 && status < 400) return redirectError(raw, label);
  const text = raw.body.toString('utf8', 0, 20_000);
  const words = upstreamErrorText(text, secretValuesIn(headers));
  const explained = explain?.(status, text, raw.headers);
  if (explained) return explained;
  return new DroverError(codeOf(status), `${label}: ${status}${words && ` ${words}`}`);
}

function codeOf(status: number): string {
  if (status === 429) return 'UPSTREAM_RATE_LIMIT';
  if (status === 408) return 'UPSTREAM_TIMEOUT';
  if (status === 401 || status === 403) return 'UPSTREAM_UNAUTHORIZED';
  return status >= 500 ? 'UPSTREAM_ERROR' : 'UPSTREAM_REFUSED';
}

function redirectError({ status, headers }: RawResponse, label: string): DroverError {
  const location = headers.location ?? '';
  const host = URL.canParse(location) ? new URL(location).host : 'another path';
  return new DroverError('UPSTREAM_REFUSED', `${label}: ${status}, points to ${host}`, {
    remedy:
      'Redirects are not followed, because they carry the key elsewhere: set the upstream URL to the final address.',
  });
}

function badAnswer(label: string, what: string): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', `${label}: ${what}`);
}

function withLabel<T>(label: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof DroverError ? badAnswer(label, error.message) : error;
  }
}

/** The upstream's own error message, shortened to one line, without secrets or e-mail addresses. */
export function upstreamErrorText(text: string, secrets: readonly string[]): string {
  const words = findMessage(text) ?? '';
  return redact(words.replace(/\s+/g, ' ').trim(), secrets).slice(0, 200);
}

// Headers without secrets.
const harmlessHeaders = new Set(['accept', 'accept-encoding', 'content-type', 'content-length', 'user-agent']);

/** What must never appear in a message: the values of headers that may hold a key, and each longer word of them. */
export function secretValuesIn(headers: Readonly<Record<string, string>>): string[] {
  const named = Object.entries(headers).filter(([name]) => !harmlessHeaders.has(name.toLowerCase()));
  const values = named.flatMap(([, value]) => [value, ...value.split(/[\s,;:=]+/)]);
  return [...new Set(values)].filter((value) => value.length >= 8).sort((a, b) => b.length - a.length);
}

const credential = /\b(?:Bearer|Basic)\s+\S+|\b(?:sk|rk|pk|whsec|xnd)_\w+|\beyJ[\w-]+\.[\w.-]+/g;
const email = /[^\s"'<>@]+@[^\s"'<>@]+/g;

function redact(words: string, secrets: readonly string[]): string {
  const known = secrets.reduce(
    (text, secret) => text.replaceAll(secret, '[secret]'),
    words.replace(credential, '[secret]'),
  );
  return known.replace(email, '[e-mail]');
}

/** Where the APIs in use put their error message: Bubble, Stripe, PayPal, Square, Xendit, Systeme.io, PostgREST. */
function findMessage(text: string): string | undefined {
  const body = parseJsonOrUndefined(text);
  if (typeof body !== 'object' || body === null) return undefined;
  const { body: inner, error, errors } = body as Record<string, unknown>;
  const first = Array.isArray(errors) ? errors[0] : undefined;
  const places = [inner, body, first, error].flatMap(messagesAt);
  return places.find((words) => words !== '');
}

function messagesAt(place: unknown): string[] {
  if (typeof place === 'string') return [place];
  if (typeof place !== 'object' || place === null) return [];
  const { message, error_description: described, detail } = place as Record<string, unknown>;
  return [message, described, detail].filter((words) => typeof words === 'string');
}

function parseJsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
