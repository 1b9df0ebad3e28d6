import { DroverError } from '../errors.ts';
import type { UpstreamOptions, UpstreamRequest } from '../plan/upstream.ts';
import type { Clock } from './clock.ts';
import { createLatencyGuard } from './freshness.ts';
import type { LimiterDeps } from './limiter-deps.ts';
import type { Permit, RequestReport } from './permit.ts';
import { createTokenAcquirer, type TokenGrant, type TokenRequest } from './take.ts';
import { createOutcomeReporter } from './tell.ts';

/** The fleet's limit and breaker of one upstream, kept in Redis. */
export interface Limiter {
  /**
   * Waits for the right to send one request, in the order of asking over all processes.
   * @throws DroverError UPSTREAM_RATE_LIMIT when the wait would be longer than the bound, BREAKER_OPEN while the upstream
   * is left alone, REDIS_UNAVAILABLE when Redis does not answer; the signal's reason when it aborts. The cause, if the
   * request has failed before, is kept in the first two.
   */
  acquire(request: AcquireRequest, cause?: unknown): Promise<Permit>;
  /** Tells the fleet how the request went. Never throws. */
  report(permit: Permit, report: RequestReport): Promise<void>;
}

const maxSleepMs = 1_000; // a changed limit moves the line, and sleepers shall notice within two seconds

export function createLimiter(deps: LimiterDeps, upstream: UpstreamOptions): Limiter {
  const take = createTokenAcquirer(deps, upstream);
  const freshness = createLatencyGuard(deps.defaults.limiter.jitterMs);
  return {
    report: createOutcomeReporter(deps, upstream.name),
    async acquire(request, cause) {
      const endsAt = deps.clock.now() + deps.defaults.maxWaitMs;
      const first = await waitForToken(deps, take, request, endsAt);
      if (first.decision !== 'go') throw limiterError(upstream.name, request.endpoint, first, deps.clock, cause);
      if (first.probe || freshness.isAcceptable(first.tookMs)) return toPermit(request.endpoint, first);
      // Too late to be used; the next one is, however late, because a process that is always slow must get on as well.
      const second = await waitForToken(deps, take, request, endsAt);
      if (second.decision !== 'go') throw limiterError(upstream.name, request.endpoint, second, deps.clock, cause);
      return toPermit(request.endpoint, second);
    },
  };
}

type AcquireRequest = Pick<UpstreamRequest, 'endpoint' | 'priority' | 'signal'>;

/** Asks and sleeps until the answer is no longer to wait. */
async function waitForToken(
  { clock }: LimiterDeps,
  acquireToken: (ask: TokenRequest) => Promise<TokenGrant>,
  { endpoint, priority, signal }: AcquireRequest,
  endsAt: number,
): Promise<TokenGrant & { readonly tookMs: number }> {
  const interactive = priority === 'interactive';
  let last: TokenGrant | undefined;
  for (;;) {
    signal.throwIfAborted();
    const askedAt = clock.now();
    last = await acquireToken({ endpoint, interactive, budgetMs: endsAt - askedAt, last });
    if (last.decision !== 'wait') return { ...last, tookMs: clock.now() - askedAt };
    await clock.sleep(Math.min(Math.ceil(last.waitMs), maxSleepMs), signal);
  }
}

function toPermit(endpoint: string, { probe, failures, buckets }: TokenGrant): Permit {
  return { endpoint, probe, fleetHasFailures: failures > 0, hasEndpointLimit: buckets > 1 };
}

function limiterError(
  name: string,
  endpoint: string,
  { decision: verdict, waitMs }: TokenGrant,
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
