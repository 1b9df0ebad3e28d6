import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from './environment.ts';
import {
  isConnectionReset,
  notDroverProblem,
  problemFromNetworkError,
  problemFromResponse,
  type TextResponse,
} from './http-problem.ts';
import { Problem } from './problem.ts';

export interface RequestOptions extends Omit<RequestDetails, 'method' | 'path'> {
  /** Limit for the whole request; 30 s by default. */
  readonly deadlineMs?: number | undefined;
  /** An error status whose body is returned like that of a success. */
  readonly acceptedStatus?: number | undefined;
}

/** The API over HTTP. Every method throws a Problem and no other error. */
export interface Client {
  readonly url: string;
  /** Sends a request and parses the JSON response. Paths are relative to /api/v1; `//` at the beginning means the root. */
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
  get<T>(path: string, query?: RequestOptions['query']): Promise<T>;
  /** A GET whose body the caller reads; the deadline ends with the headers. */
  open(path: string, options: { accept: string; signal?: AbortSignal | undefined }): Promise<Response>;
}

export function createClient(service: Pick<Settings, 'url' | 'token'>): Client {
  const request = async <T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> => {
    const deadline = AbortSignal.timeout(options.deadlineMs ?? requestDeadlineMs.usual);
    const call = { ...options, method, path };
    // The body is read within the call, so that a connection that breaks in the middle of it is retried too.
    const answer = await sendRequest(service, call, deadline, readResponse);
    if (!answer.ok && answer.status !== options.acceptedStatus) throw problemFromResponse(answer);
    return parseJson<T>(answer);
  };
  return {
    url: service.url,
    request,
    get: (path, query) => request('GET', path, { query }),
    open: (path, options) => openStream(service, path, options),
  };
}

/** `/runs/:id` with every value encoded, so that no id can change the address. */
export function pathOf(strings: TemplateStringsArray, ...values: readonly string[]): string {
  return strings.reduce((path, text, at) => `${path}${encodeURIComponent(values[at - 1] ?? '')}${text}`);
}

async function openStream(
  service: Pick<Settings, 'url' | 'token'>,
  path: string,
  options: { accept: string; signal?: AbortSignal | undefined },
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException('no answer in time', 'TimeoutError')),
    requestDeadlineMs.usual,
  );
  try {
    const call = { ...options, method: 'GET', path } as const;
    return await sendRequest(service, call, late.signal, async (response) => {
      if (!response.ok) throw problemFromResponse(await readResponse(response));
      return response;
    });
  } finally {
    clearTimeout(timer);
  }
}

async function readResponse(response: Response): Promise<TextResponse> {
  return { ok: response.ok, status: response.status, headers: response.headers, text: await response.text() };
}

function parseJson<T>(answer: TextResponse): T {
  try {
    return (answer.text === '' ? null : JSON.parse(answer.text)) as T;
  } catch (cause) {
    throw notDroverProblem(`${answer.status}, and the answer is not JSON`, cause);
  }
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface RequestDetails {
  readonly method: Method;
  readonly path: string;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The same for every repetition of a POST that must take effect once. A new one by default. */
  readonly idempotencyKey?: string | undefined;
}

/** `long` is for responses that are computed during the request; fetch itself gives up after five minutes. */
export const requestDeadlineMs = { usual: 30_000, long: 290_000 } as const;

const maxRetryAfterSeconds = 20;
const maxAttempts = 4;

/**
 * Sends a request and reads the response. Repeats it once after a broken connection, and after each short `retry-after`, up
 * to four attempts. A POST may be repeated like a GET, because it carries an Idempotency-Key.
 * @throws Problem for every error.
 */
async function sendRequest<T>(
  service: Pick<Settings, 'url' | 'token'>,
  call: RequestDetails,
  deadline: AbortSignal,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const url = urlOf(service.url, call);
  const init = initOf(service.token, call, deadline);
  const repeatable = call.method === 'GET' || call.method === 'POST';
  for (let tries = 1; ; tries += 1) {
    try {
      const response = await fetch(url, init);
      const pause = retryAfterMs(response);
      if (pause === undefined || tries === maxAttempts) return await read(response);
      await response.body?.cancel();
      await sleep(pause, undefined, { signal: init.signal });
    } catch (error) {
      if (tries > 1 || !repeatable || !isConnectionReset(error)) throw asProblem(error, service.url, call);
    }
  }
}

/** The pause for too many requests (429), or for a first attempt of the same request that is still in progress (409). */
function retryAfterMs({ status, headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const passes = status === 429 || status === 409;
  return passes && seconds >= 0 && seconds <= maxRetryAfterSeconds ? seconds * 1000 : undefined;
}

function asProblem(error: unknown, url: string, call: RequestDetails): Problem {
  return error instanceof Problem ? error : problemFromNetworkError(error, url, call.method);
}

function urlOf(base: string, { path, query }: RequestDetails): string {
  const url = new URL(path.startsWith('//') ? `${base}${path.slice(1)}` : `${base}/api/v1${path}`);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/** Redirects are not followed: a POST would become a GET, and the key would go to another server. */
function initOf(
  token: string | undefined,
  call: RequestDetails,
  deadline: AbortSignal,
): RequestInit & { signal: AbortSignal } {
  return {
    method: call.method,
    redirect: 'manual',
    signal: call.signal ? AbortSignal.any([call.signal, deadline]) : deadline,
    headers: {
      accept: call.accept ?? 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.method === 'POST' ? { 'idempotency-key': call.idempotencyKey ?? randomUUID() } : {}),
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  };
}
