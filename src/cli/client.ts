import type { Settings } from './environment.ts';
import { type Method, type RequestDetails, requestDeadlineMs, sendRequest } from './http.ts';
import { notDroverProblem, problemFromResponse, type TextResponse } from './problem-details.ts';

export interface RequestOptions extends Omit<RequestDetails, 'method' | 'path'> {
  /** How long the whole request may take; half a minute when nothing is said. */
  readonly deadlineMs?: number | undefined;
  /** A status that is an answer here although it is none elsewhere. */
  readonly acceptedStatus?: number | undefined;
}

/** The service over HTTP. Every method throws a Problem, and nothing else. */
export interface Client {
  readonly url: string;
  /** Sends and reads the answer as JSON. Paths are below /api/v1 unless they begin with `//`, which is the root. */
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
  get<T>(path: string, query?: RequestOptions['query']): Promise<T>;
  /** A GET whose body is read by the caller; the deadline is for its beginning. */
  open(path: string, options: { accept: string; signal?: AbortSignal | undefined }): Promise<Response>;
}

export function createClient(service: Pick<Settings, 'url' | 'token'>): Client {
  const request = async <T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> => {
    const deadline = AbortSignal.timeout(options.deadlineMs ?? requestDeadlineMs.usual);
    const call = { ...options, method, path };
    // Read within the call, so that a connection that breaks in the middle of an answer is tried again too.
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

/** `/runs/:id` with every value encoded, so that no id can lead to another address. */
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
