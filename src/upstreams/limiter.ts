import type { Redis } from 'ioredis';
import { DroverError } from '../errors.ts';
import type { UpstreamOptions, UpstreamRequest } from '../plan/upstream.ts';
import { acquireTokenLua, reportLua } from './limiter.lua.ts';
import type { Clock, UpstreamDefaults, UpstreamLogger } from './options.ts';
import { createRedisScript, limitName, type UpstreamKeys } from './redis.ts';

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

/** Requests a token and waits until the answer is no longer to wait. */
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
  // All waiting callers get about the same moment; spread, so that they do not return at once.
  const retryAfterMs = Math.ceil(waitMs * (1 + clock.random() / 4));
  const seconds = (waitMs / 1_000).toFixed(1);
  const [code, message] =
    verdict === 'open'
      ? ['BREAKER_OPEN', `${name}: left alone after too many failures, for ${seconds} s more`]
      : ['UPSTREAM_RATE_LIMIT', `${name} ${endpoint}: the next free request is ${seconds} s away`];
  return new DroverError(code as string, message as string, { retryAfterMs, cause });
}

/** What the limiter's script answers; see its head. */
export interface TokenGrant {
  readonly decision: 'go' | 'wait' | 'later' | 'open';
  readonly waitMs: number;
  /** The caller's place in line, to be handed in with the next try. Opaque. */
  readonly queuePosition: string;
  readonly generation: string;
  readonly failures: number;
  readonly probe: boolean;
  readonly buckets: number;
}

interface TokenRequest {
  readonly endpoint: string;
  readonly interactive: boolean;
  /** How much longer the caller can wait. */
  readonly budgetMs: number;
  /** The previous answer. */
  readonly last: TokenGrant | undefined;
}

/** Asks Redis once for the right to send a request. Throws REDIS_UNAVAILABLE when it does not answer. */
function createTokenAcquirer(
  { redis, keys, defaults }: LimiterDeps,
  upstream: UpstreamOptions,
): (ask: TokenRequest) => Promise<TokenGrant> {
  const script = createRedisScript(redis, acquireTokenLua(), defaults.redisTimeoutMs);
  const settings = scriptSettings(defaults, upstream);
  const { name, maxRps, endpointMaxRps = '' } = upstream;
  return async ({ endpoint, interactive, budgetMs, last }) => {
    const budget = Math.max(0, Math.round(budgetMs * 1_000));
    const answer = await script(
      [keys.bucket(name), keys.bucket(name, endpoint), keys.overrides, keys.index],
      [
        ...[name, limitName(name, endpoint), maxRps, endpointMaxRps, budget, interactive ? '1' : '0'],
        ...[last?.queuePosition ?? '0', last?.generation ?? ''],
        ...settings,
      ],
    );
    return parseTokenGrant(answer);
  };
}

export function parseTokenGrant(answer: unknown): TokenGrant {
  const [verdict, wait, place, generation, failures, probe, buckets] = answer as [
    TokenGrant['decision'],
    ...(string | number)[],
  ];
  return {
    decision: verdict,
    waitMs: Number(wait) / 1_000,
    queuePosition: String(place),
    generation: String(generation),
    failures: Number(failures),
    probe: Number(probe) === 1,
    buckets: Number(buckets),
  };
}

function scriptSettings({ limiter, timeoutMs }: UpstreamDefaults, upstream: UpstreamOptions): number[] {
  // A probe's holder may die; by then its request is long over.
  const probeLeaseMs = (upstream.timeoutMs ?? timeoutMs) + 5_000;
  return [
    1_000_000 + (limiter.toleranceMs + limiter.jitterMs) * 1_000,
    limiter.toleranceMs * 1_000,
    limiter.regrowthPerSecond / 1_000_000,
    probeLeaseMs * 1_000,
  ];
}

/** Tells the fleet how a request went. Never throws: the answer is here, and losing the news costs less than it. */
function createOutcomeReporter(
  { redis, keys, logger, defaults }: LimiterDeps,
  name: string,
): (permit: Permit, report: RequestReport) => Promise<void> {
  const script = createRedisScript(redis, reportLua(), defaults.redisTimeoutMs);
  return async (permit, report) => {
    if (!shouldReport(permit, report)) return;
    const refused = keys.bucket(name, report.endpointOnly && permit.hasEndpointLimit ? permit.endpoint : undefined);
    try {
      await script([keys.bucket(name), refused], reportArguments(permit, report, defaults));
    } catch (error) {
      const code = error instanceof DroverError ? error.code : undefined;
      logger.warn({ upstream: name, code }, 'the outcome of a request could not be reported to the fleet');
    }
  };
}

/** A success among successes is none, and spares Redis a call for every request. */
function shouldReport(permit: Permit, { outcome, pauseMs }: RequestReport): boolean {
  if (permit.probe || pauseMs > 0) return true;
  return outcome === 'ok' ? permit.fleetHasFailures : outcome !== 'unknown';
}

function reportArguments(
  permit: Permit,
  report: RequestReport,
  { limiter, breaker }: UpstreamDefaults,
): (string | number)[] {
  return [
    ...[report.outcome, Math.round(report.pauseMs * 1_000), permit.probe ? '1' : '0'],
    ...[breaker.failures, breaker.pauseMs * 1_000, breaker.maxPauseMs * 1_000],
    ...[limiter.throttledFactor, limiter.minFactor, limiter.regrowthPerSecond / 1_000_000],
  ];
}

/** Tells a token that can be used from one that reached us too late. */
export interface LatencyGuard {
  /** @param tookMs milliseconds from asking for the token to holding it. */
  isAcceptable(tookMs: number): boolean;
}

/**
 * A process that stood still between token and request would send its requests into the time of others. Redis cannot see
 * that, the process can: it gives a token up that took much longer than the quickest way there and back of late. Not
 * measured from nothing, because a worker far from Redis is always slow and still even.
 */
export function createLatencyGuard(jitterMs: number): LatencyGuard {
  let quickest = Number.POSITIVE_INFINITY;
  return {
    isAcceptable(tookMs) {
      quickest = Math.min(tookMs, quickest * 1.05 + 0.1);
      return tookMs - quickest <= jitterMs;
    },
  };
}

/** The right to send one request, and what to report to the fleet after it. */
interface Permit {
  readonly endpoint: string;
  /** The one request that may find out whether the upstream is back. */
  readonly probe: boolean;
  /** The fleet has failures in a row, so a success is news. */
  readonly fleetHasFailures: boolean;
  /** The endpoint has a limit of its own. */
  readonly hasEndpointLimit: boolean;
}

/** How a request went: `throttled` is a 429, `unknown` says nothing about the upstream (we stopped it ourselves). */
export interface RequestReport {
  readonly outcome: 'ok' | 'failed' | 'throttled' | 'unknown';
  /** For how long no request may be sent; 0 for no pause. */
  readonly pauseMs: number;
  /** The refusal concerns the endpoint only. */
  readonly endpointOnly: boolean;
}

/** What a process needs to share limits and breakers with the fleet. */
interface LimiterDeps {
  readonly redis: Redis;
  readonly keys: UpstreamKeys;
  readonly clock: Clock;
  readonly logger: UpstreamLogger;
  readonly defaults: UpstreamDefaults;
}
