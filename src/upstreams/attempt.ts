import { DroverError } from '../errors.ts';
import type { UpstreamResponse } from '../plan/upstream.ts';
import { judge } from './answer.ts';
import type { Clock } from './clock.ts';
import type { UpstreamMetrics } from './log.ts';
import type { UpstreamDefaults } from './options.ts';
import { reportOf, withPause } from './outcome.ts';
import type { Report } from './permit.ts';
import type { Sockets } from './sockets.ts';
import { exchange, type Outgoing, type RawAnswer } from './wire.ts';

export interface AttemptDeps {
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly metrics: UpstreamMetrics | undefined;
  readonly defaults: UpstreamDefaults;
}

/** One try of a request: its answer or its error, and what the fleet is told about it. */
export interface Attempt {
  readonly response?: UpstreamResponse;
  readonly error?: unknown;
  readonly report: Report;
}

/** Sends a request once, counts it, judges its answer. Never throws. */
export async function tryOnce(
  { sockets, clock, metrics, defaults }: AttemptDeps,
  upstream: string,
  endpoint: string,
  outgoing: Outgoing,
  attempt: number,
): Promise<Attempt> {
  const startedAt = clock.now();
  let raw: RawAnswer | undefined;
  let response: UpstreamResponse | undefined;
  let error: unknown;
  let bytes = { sentBytes: 0, receivedBytes: 0 };
  try {
    raw = await exchange(outgoing, sockets, (counted) => {
      bytes = counted;
    });
    response = judge(raw, outgoing);
  } catch (thrown) {
    error = thrown;
  }
  const status = raw?.status ?? (error instanceof DroverError ? error.code : 'aborted');
  metrics?.onRequest({ upstream, endpoint, status, ms: clock.now() - startedAt, ...bytes });
  const report = reportOf(raw, error, attempt, defaults, clock);
  return response ? { response, report } : { error: withPause(error, report), report };
}
