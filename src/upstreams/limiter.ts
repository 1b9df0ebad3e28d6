import { DroverError } from '../errors.ts';
import type { UpstreamOptions, UpstreamRequest } from '../plan/upstream.ts';
import type { Clock } from './clock.ts';
import { createFreshness } from './freshness.ts';
import type { LimiterDeps } from './limiter-deps.ts';
import type { Permit, Report } from './permit.ts';
import { type Ask, createTake, type Taken } from './take.ts';
import { createTell } from './tell.ts';

/** The fleet's limit and breaker of one upstream, kept in Redis. */
export interface Limiter {
  /**
   * Waits for the right to send one request, in the order of asking over all processes.
   * @throws DroverError UPSTREAM_RATE_LIMIT when the wait would be longer than the bound, BREAKER_OPEN while the upstream
   * is left alone, REDIS_UNAVAILABLE when Redis does not answer; the signal's reason when it aborts. The cause, if the
   * request has failed before, is kept in the first two.
   */
  acquire(request: Waiting, cause?: unknown): Promise<Permit>;
  /** Tells the fleet how the request went. Never throws. */
  report(permit: Permit, report: Report): Promise<void>;
}

const longestNap = 1_000; // a changed limit moves the line, and sleepers shall notice within two seconds

export function createLimiter(deps: LimiterDeps, upstream: UpstreamOptions): Limiter {
  const take = createTake(deps, upstream);
  const freshness = createFreshness(deps.defaults.limiter.jitterMs);
  return {
    report: createTell(deps, upstream.name),
    async acquire(request, cause) {
      const endsAt = deps.clock.now() + deps.defaults.maxWaitMs;
      const first = await waitInLine(deps, take, request, endsAt);
      if (first.verdict !== 'go') throw refusal(upstream.name, request.endpoint, first, deps.clock, cause);
      if (first.probe || freshness.isFresh(first.tookMs)) return permitOf(request.endpoint, first);
      // Too late to be used; the next one is, however late, because a process that is always slow must get on as well.
      const second = await waitInLine(deps, take, request, endsAt);
      if (second.verdict !== 'go') throw refusal(upstream.name, request.endpoint, second, deps.clock, cause);
      return permitOf(request.endpoint, second);
    },
  };
}

type Waiting = Pick<UpstreamRequest, 'endpoint' | 'priority' | 'signal'>;

/** Asks and sleeps until the answer is no longer to wait. */
async function waitInLine(
  { clock }: LimiterDeps,
  take: (ask: Ask) => Promise<Taken>,
  { endpoint, priority, signal }: Waiting,
  endsAt: number,
): Promise<Taken & { readonly tookMs: number }> {
  const interactive = priority === 'interactive';
  let last: Taken | undefined;
  for (;;) {
    signal.throwIfAborted();
    const askedAt = clock.now();
    last = await take({ endpoint, interactive, budgetMs: endsAt - askedAt, last });
    if (last.verdict !== 'wait') return { ...last, tookMs: clock.now() - askedAt };
    await clock.sleep(Math.min(Math.ceil(last.waitMs), longestNap), signal);
  }
}

function permitOf(endpoint: string, { probe, failures, buckets }: Taken): Permit {
  return { endpoint, probe, troubled: failures > 0, ownLimit: buckets > 1 };
}

function refusal(
  name: string,
  endpoint: string,
  { verdict, waitMs }: Taken,
  clock: Clock,
  cause: unknown,
): DroverError {
  // Everyone who is turned away is told about the same moment; spread, so that they don't come back as one.
  const retryAfterMs = Math.ceil(waitMs * (1 + clock.random() / 4));
  const seconds = (waitMs / 1_000).toFixed(1);
  const [code, message] =
    verdict === 'open'
      ? ['BREAKER_OPEN', `${name}: left alone after too many failures, for ${seconds} s more`]
      : ['UPSTREAM_RATE_LIMIT', `${name} ${endpoint}: the next free request is ${seconds} s away`];
  return new DroverError(code as string, message as string, { retryAfterMs, cause });
}
