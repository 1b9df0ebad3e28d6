import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FaultRule, RequestDescriptor } from './faults.ts';

/** An answer, with what the journal records besides it. */
export interface UpstreamResult {
  readonly answer: Answer;
  /** Ids of the records that faults, or a write to the Supabase sandbox, changed. */
  readonly touched: readonly string[];
  /** Notes for the journal: ids made, keys used. Nothing secret. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** What the shared server needs of one upstream. */
export interface Upstream {
  readonly name: string;
  /** Error faults that `handle` answers itself, because their answers are stored or have a code of the upstream. */
  readonly ownFaults?: readonly FaultRule['fault'][];
  /** The request as fault rules select it; called before `handle`. */
  describeRequest(request: SandboxRequest): RequestDescriptor;
  /** Does the work. Applies its own faults and those of pages and records; the server applies the others. */
  handle(request: SandboxRequest, faults: readonly FaultRule[]): UpstreamResult;
  /** An error (429, 500, 503) in the upstream's own format. */
  errorAnswer(status: number, message: string): Answer;
}

/** A request with its whole body. */
export interface SandboxRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The answer to a request, before faults corrupt it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A JSON answer. */
export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

/** An answer without a body. */
export function emptyAnswer(status: number): Answer {
  return { status, headers: {}, body: '' };
}

/** A plain-text answer. */
export function textAnswer(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

const MAX_BODY_BYTES = 50 * 1024 * 1024;

/** Reads a request with its body. Rejects with RangeError on bodies above 50 MB. */
export async function readRequest(message: IncomingMessage): Promise<SandboxRequest> {
  const url = new URL(message.url ?? '/', 'http://sandbox');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new RangeError('request body above 50 MB');
    chunks.push(chunk as Buffer);
  }
  return {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: message.headers,
    body: Buffer.concat(chunks),
  };
}
