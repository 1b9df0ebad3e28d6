import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { FaultRule, RequestDescriptor } from './faults.ts';

/** An answer and the records that faults changed while it was made. */
export interface UpstreamResult {
  readonly answer: Answer;
  readonly touched: readonly string[];
  /** What the journal shall say besides: ids made, keys used. Nothing secret. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** What one upstream must tell the shared server. */
export interface Upstream {
  readonly name: string;
  /** Faults that refuse, which the upstream answers itself because it remembers or explains them. */
  readonly ownFaults?: readonly FaultRule['fault'][];
  /** What the request is about; asked before anything happens. */
  describeRequest(request: SandboxRequest): RequestDescriptor;
  /** Does the work. Only faults about pages and records concern it; the server sees to the rest. */
  handle(request: SandboxRequest, faults: readonly FaultRule[]): UpstreamResult;
  /** A refusal (429, 500, 503) in the upstream's own shape. */
  errorAnswer(status: number, message: string): Answer;
}

/** A request, read whole. */
export interface SandboxRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What an upstream wants to answer, before any fault spoils it. */
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

/** Reads a request from the wire; refuses bodies above 50 MB. */
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
