import { DroverError } from '../errors.ts';
import type { UpstreamResponse } from '../plan/upstream.ts';
import { classifyAnswer } from './answer.ts';
import type { Clock } from './clock.ts';
import type { UpstreamMetrics } from './log.ts';
import type { UpstreamDefaults } from './options.ts';
import { reportFor, withRetryAfter } from './outcome.ts';
import type { RequestReport } from './permit.ts';
import type { ConnectionPool } from './sockets.ts';
import { type OutgoingRequest, type RawResponse, sendRequest } from './wire.ts';

export interface AttemptDeps {
  readonly sockets: ConnectionPool;
  readonly clock: Clock;
  readonly metrics: UpstreamMetrics | undefined;
  readonly defaults: UpstreamDefaults;
}

/** One try of a request: its answer or its error, and what the fleet is told about it. */
export interface Attempt {
  readonly response?: UpstreamResponse;
  readonly error?: unknown;
  readonly report: RequestReport;
}

/** Sends a request once, counts it, judges its answer. Never throws. */
export async function sendOnce(
  { sockets, clock, metrics, defaults }: AttemptDeps,
  upstream: string,
  endpoint: string,
  outgoing: OutgoingRequest,
  attempt: number,
): Promise<Attempt> {
  const startedAt = clock.now();
  let raw: RawResponse | undefined;
  let response: UpstreamResponse | undefined;
  let error: unknown;
  let bytes = { sentBytes: 0, receivedBytes: 0 };
  try {
    raw = await sendRequest(outgoing, sockets, (counted) => {
      bytes = counted;
    });
    response = classifyAnswer(raw, outgoing);
  } catch (thrown) {
    error = thrown;
  }
  const status = raw?.status ?? (error instanceof DroverError ? error.code : 'aborted');
  metrics?.onRequest({ upstream, endpoint, status, ms: clock.now() - startedAt, ...bytes });
  const report = reportFor(raw, error, attempt, defaults, clock);
  return response ? { response, report } : { error: withRetryAfter(error, report), report };
}
