import type { Redis } from 'ioredis';
import { DroverError } from '../errors.ts';
import type { UpstreamOptions, UpstreamRequest } from '../plan/upstream.ts';
import { acquireTokenLua, reportLua } from './limiter.lua.ts';
import type { Clock, UpstreamDefaults, UpstreamLogger } from './options.ts';
import { createRedisScript, limitName, type UpstreamKeys } from './redis.ts';

/** The fleet's limit and breaker of one upstream, kept in Redis. */
export interface Limiter {
  /**
   * Waits for a token, the right to send one request; tokens are granted in the order of requests over all processes.
   * @throws DroverError UPSTREAM_RATE_LIMIT when the wait would be longer than the bound, BREAKER_OPEN while the circuit
   * breaker is open, REDIS_UNAVAILABLE when Redis does not answer; the signal's reason when it aborts. The cause, if the
   * request has failed before, is kept in the first two.
   */
  acquire(request: AcquireRequest, cause?: unknown): Promise<Permit>;
  /** Reports the outcome of the request to the fleet. Never throws. */
  report(permit: Permit, report: RequestReport): Promise<void>;
}

const maxSleepMs = 1_000; // a changed limit moves queue positions, and waiting callers must notice within two seconds

export function createLimiter(deps: LimiterDeps, upstream: UpstreamOptions): Limiter {
  const acquireToken = createTokenAcquirer(deps, upstream);
  const latencyGuard = createLatencyGuard(deps.defaults.limiter.jitterMs);
  return {
    report: createOutcomeReporter(deps, upstream.name),
    async acquire(request, cause) {
      const endsAt = deps.clock.now() + deps.defaults.maxWaitMs;
      const first = await waitForToken(deps, acquireToken, request, endsAt);
      if (first.decision !== 'granted') throw limiterError(upstream.name, request.endpoint, first, deps.clock, cause);
      if (first.probe || latencyGuard.isAcceptable(first.tookMs)) return toPermit(request.endpoint, first);
      // Too late to be used. The next one is used however late, because a process that is always slow must progress too.
      const second = await waitForToken(deps, acquireToken, request, endsAt);
      if (second.decision !== 'granted') throw limiterError(upstream.name, request.endpoint, second, deps.clock, cause);
      return toPermit(request.endpoint, second);
    },
  };
}

type AcquireRequest = Pick<UpstreamRequest, 'endpoint' | 'priority' | 'signal'>;

/** Requests a token until the decision is something other than `wait`. */
async function waitForToken(
  { clock }: LimiterDeps,
  acquireToken: (request: TokenRequest) => Promise<TokenGrant>,
  { endpoint, priority, signal }: AcquireRequest,
  endsAt: number,
): Promise<TokenGrant & { readonly tookMs: number }> {
  const interactive = priority === 'interactive';
  let last: TokenGrant | undefined;
  for (;;) {
    signal.throwIfAborted();
    const requestedAt = clock.now();
    last = await acquireToken({ endpoint, interactive, budgetMs: endsAt - requestedAt, last });
    if (last.decision !== 'wait') return { ...last, tookMs: clock.now() - requestedAt };
    await clock.sleep(Math.min(Math.ceil(last.waitMs), maxSleepMs), signal);
  }
}

function toPermit(endpoint: string, { probe, failures, buckets }: TokenGrant): Permit {
  return { endpoint, probe, fleetHasFailures: failures > 0, hasEndpointLimit: buckets > 1 };
}

function limiterError(
  name: string,
  endpoint: string,
  { decision, waitMs }: TokenGrant,
  clock: Clock,
  cause: unknown,
): DroverError {
  // All waiting callers get about the same time; it is spread so that they do not return at once.
  const retryAfterMs = Math.ceil(waitMs * (1 + clock.random() / 4));
  const seconds = (waitMs / 1_000).toFixed(1);
  const [code, message] =
    decision === 'circuitOpen'
      ? ['BREAKER_OPEN', `${name}: no requests after too many failures, for ${seconds} s more`]
      : ['UPSTREAM_RATE_LIMIT', `${name} ${endpoint}: the next token is free in ${seconds} s`];
  return new DroverError(code as string, message as string, { retryAfterMs, cause });
}

/** A reply of the limiter's script; see its head. */
export interface TokenGrant {
  readonly decision: 'granted' | 'wait' | 'rejected' | 'circuitOpen';
  readonly waitMs: number;
  /** The caller's queue position, passed with its next request. Opaque. */
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
  /** The previous reply. */
  readonly last: TokenGrant | undefined;
}

/** Requests a token from Redis once. Throws REDIS_UNAVAILABLE when it does not answer. */
function createTokenAcquirer(
  { redis, keys, defaults }: LimiterDeps,
  upstream: UpstreamOptions,
): (request: TokenRequest) => Promise<TokenGrant> {
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

export function parseTokenGrant(reply: unknown): TokenGrant {
  const [decision, wait, position, generation, failures, probe, buckets] = reply as [
    TokenGrant['decision'],
    ...(string | number)[],
  ];
  return {
    decision,
    waitMs: Number(wait) / 1_000,
    queuePosition: String(position),
    generation: String(generation),
    failures: Number(failures),
    probe: Number(probe) === 1,
    buckets: Number(buckets),
  };
}

function scriptSettings({ limiter, timeoutMs }: UpstreamDefaults, upstream: UpstreamOptions): number[] {
  // The process that sends the probe may die; after the lease its request has certainly ended.
  const probeLeaseMs = (upstream.timeoutMs ?? timeoutMs) + 5_000;
  return [
    1_000_000 + (limiter.toleranceMs + limiter.jitterMs) * 1_000,
    limiter.toleranceMs * 1_000,
    limiter.regrowthPerSecond / 1_000_000,
    probeLeaseMs * 1_000,
  ];
}

/** Reports outcomes to the fleet. Never throws: the response is here, and a lost report costs less than it. */
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

/** A success is reported only while the fleet has failures, which saves Redis a call for every request. */
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

/** Decides whether a token arrived early enough to be used. */
export interface LatencyGuard {
  /** @param tookMs milliseconds from requesting the token to holding it. */
  isAcceptable(tookMs: number): boolean;
}

/**
 * A process that was suspended between token and request would send in the time slots of other processes. Redis cannot
 * detect that; the process can: it drops a token that took much longer than the fastest recent round trip. Latency is not
 * compared with zero, because a worker far from Redis is always slow and yet regular.
 */
export function createLatencyGuard(jitterMs: number): LatencyGuard {
  let fastest = Number.POSITIVE_INFINITY;
  return {
    isAcceptable(tookMs) {
      fastest = Math.min(tookMs, fastest * 1.05 + 0.1);
      return tookMs - fastest <= jitterMs;
    },
  };
}

/** The right to send one request, and what to report to the fleet after it. */
interface Permit {
  readonly endpoint: string;
  /** The one request that probes whether the upstream has recovered. */
  readonly probe: boolean;
  /** The fleet counts failures in a row, so a success must be reported. */
  readonly fleetHasFailures: boolean;
  /** The endpoint has a limit of its own. */
  readonly hasEndpointLimit: boolean;
}

/** The outcome of a request: `throttled` is a 429, `unknown` says nothing about the upstream (the caller stopped it). */
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
