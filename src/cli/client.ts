import type { Settings } from './environment.ts';
import { type Call, deadlineMs, type Method, send } from './http.ts';
import { type Answer, notDrover, problemOf } from './problem-details.ts';

export interface RequestOptions extends Omit<Call, 'method' | 'path'> {
  /** How long the whole request may take; half a minute when nothing is said. */
  readonly deadlineMs?: number | undefined;
  /** A status that is an answer here although it is none elsewhere. */
  readonly accepts?: number | undefined;
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
    const deadline = AbortSignal.timeout(options.deadlineMs ?? deadlineMs.usual);
    const call = { ...options, method, path };
    // Read within the call, so that a connection that breaks in the middle of an answer is tried again too.
    const answer = await send(service, call, deadline, answerOf);
    if (!answer.ok && answer.status !== options.accepts) throw problemOf(answer);
    return parsed<T>(answer);
  };
  return {
    url: service.url,
    request,
    get: (path, query) => request('GET', path, { query }),
    open: (path, options) => open(service, path, options),
  };
}

/** `/runs/:id` with every value encoded, so that no id can lead to another address. */
export function pathOf(strings: TemplateStringsArray, ...values: readonly string[]): string {
  return strings.reduce((path, text, at) => `${path}${encodeURIComponent(values[at - 1] ?? '')}${text}`);
}

async function open(
  service: Pick<Settings, 'url' | 'token'>,
  path: string,
  options: { accept: string; signal?: AbortSignal | undefined },
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException('no answer in time', 'TimeoutError')), deadlineMs.usual);
  try {
    const call = { ...options, method: 'GET', path } as const;
    return await send(service, call, late.signal, async (response) => {
      if (!response.ok) throw problemOf(await answerOf(response));
      return response;
    });
  } finally {
    clearTimeout(timer);
  }
}

async function answerOf(response: Response): Promise<Answer> {
  return { ok: response.ok, status: response.status, headers: response.headers, text: await response.text() };
}

function parsed<T>(answer: Answer): T {
  try {
    return (answer.text === '' ? null : JSON.parse(answer.text)) as T;
  } catch (cause) {
    throw notDrover(`${answer.status}, and the answer is not JSON`, cause);
  }
}
