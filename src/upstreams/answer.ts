import { DroverError } from '../errors.ts';
import type { Json } from '../plan/json.ts';
import type { UpstreamResponse } from '../plan/upstream.ts';
import { decodeText } from './body.ts';
import { secretValuesIn, upstreamErrorText } from './refusal.ts';
import type { OutgoingRequest, RawResponse } from './wire.ts';

/** What is known of the request when its answer is judged. */
export type RequestInfo = Pick<OutgoingRequest, 'label' | 'method' | 'headers' | 'explain'>;

/**
 * Turns an answer into what the caller gets: 2xx and 404.
 * @throws DroverError for every other status, and UPSTREAM_BAD_ANSWER for a 2xx that is not what was asked for.
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

/** A proxy's error page comes with 200 as well; better a retry than a source that seems empty. */
function assertExpectedContent(response: UpstreamResponse, { label, method, headers }: RequestInfo): void {
  const type = response.headers['content-type'] ?? '';
  if (/\bhtml\b/i.test(type)) throw badAnswer(label, `answered ${response.status} with a web page`);
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
