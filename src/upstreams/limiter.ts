import type { Redis } from 'ioredis';
import { DroverError } from '../errors.ts';
import type { Clock } from './clock.ts';
import { createFreshness } from './freshness.ts';
import type { UpstreamKeys } from './keys.ts';
import { limitName } from './keys.ts';
import type { UpstreamLogger } from './log.ts';
import { reportLua } from './lua/report.ts';
import { takeLua } from './lua/take.ts';
import type { PrioritisedRequest, UpstreamDefaults, UpstreamSettings } from './options.ts';
import type { Permit, Report } from './permit.ts';
import { createScript } from './script.ts';
import { parseTaken, type Taken } from './taken.ts';

/** The fleet's limit and breaker of one upstream, kept in Redis. */
export interface Limiter {
  /**
   * Waits for the right to send one request, in the order of asking over all processes.
   * @throws DroverError UPSTREAM_RATE_LIMIT when the wait would be longer than the bound, BREAKER_OPEN while the upstream
   * is left alone, UPSTREAM_UNREACHABLE when Redis does not answer; the signal's reason when it aborts. The cause, if the
   * request has failed before, is kept in the first two.
   */
  acquire(request: Pick<PrioritisedRequest, 'endpoint' | 'priority' | 'signal'>, cause?: unknown): Promise<Permit>;
  /** Tells the fleet how the request went. Never throws: the answer is here, and losing the news costs less than it. */
  report(permit: Permit, report: Report): Promise<void>;
}

export interface LimiterDeps {
  readonly redis: Redis;
  readonly keys: UpstreamKeys;
  readonly clock: Clock;
  readonly logger: UpstreamLogger;
  readonly defaults: UpstreamDefaults;
}

const longestNap = 1_000; // a changed limit moves the line, and sleepers shall notice within two seconds

export function createLimiter(deps: LimiterDeps, upstream: UpstreamSettings): Limiter {
  const { redis, keys, clock, defaults } = deps;
  const takeScript = createScript(redis, takeLua(), defaults.redisTimeoutMs);
  const reportScript = createScript(redis, reportLua(), defaults.redisTimeoutMs);
  const settings = takeSettings(defaults, upstream);
  const freshness = createFreshness(defaults.limiter.jitterMs);

  const take = async (endpoint: string, budgetMs: number, interactive: boolean, last?: Taken): Promise<Taken> =>
    parseTaken(
      await takeScript(
        [keys.bucket(upstream.name), keys.bucket(upstream.name, endpoint), keys.overrides, keys.index],
        [
          ...[upstream.name, limitName(upstream.name, endpoint), upstream.maxRps, upstream.endpointMaxRps ?? ''],
          ...[Math.max(0, Math.round(budgetMs * 1_000)), interactive ? '1' : '0'],
          ...[last?.place ?? '0', last?.generation ?? ''],
          ...settings,
        ],
      ),
    );

  return {
    async acquire({ endpoint, priority, signal }, cause) {
      const endsAt = clock.now() + defaults.maxWaitMs;
      let last: Taken | undefined;
      for (let wasted = false; ; ) {
        signal.throwIfAborted();
        const askedAt = clock.now();
        last = await take(endpoint, endsAt - askedAt, priority === 'interactive', last);
        if (last.verdict === 'go') {
          if (wasted || last.probe || freshness.isFresh(clock.now() - askedAt)) return permitOf(endpoint, last);
          wasted = true;
          last = undefined;
          continue;
        }
        if (last.verdict !== 'wait') throw refusal(upstream.name, endpoint, last, clock, cause);
        await clock.sleep(Math.min(Math.ceil(last.waitMs), longestNap), signal);
      }
    },

    async report(permit, report) {
      if (!isNews(permit, report)) return;
      const bucket = keys.bucket(upstream.name, report.ofEndpoint && permit.ownLimit ? permit.endpoint : undefined);
      try {
        await reportScript([keys.bucket(upstream.name), bucket], reportArgs(permit, report, defaults));
      } catch (error) {
        const code = error instanceof DroverError ? error.code : undefined;
        deps.logger.warn({ upstream: upstream.name, code }, 'how a request went could not be told to the fleet');
      }
    },
  };
}

function takeSettings({ limiter }: UpstreamDefaults, upstream: UpstreamSettings): number[] {
  const probeLeaseMs = (upstream.timeoutMs ?? 30_000) + 5_000;
  return [
    1_000_000 + (limiter.toleranceMs + limiter.jitterMs) * 1_000,
    limiter.toleranceMs * 1_000,
    limiter.regrowthPerSecond / 1_000_000,
    probeLeaseMs * 1_000,
  ];
}

function reportArgs(permit: Permit, report: Report, { limiter, breaker }: UpstreamDefaults): (string | number)[] {
  return [
    ...[report.outcome, Math.round(report.pauseMs * 1_000), permit.probe ? '1' : '0'],
    ...[breaker.failures, breaker.pauseMs * 1_000, breaker.maxPauseMs * 1_000],
    ...[limiter.shrink, limiter.floor, limiter.regrowthPerSecond / 1_000_000],
  ];
}

function isNews(permit: Permit, { outcome, pauseMs }: Report): boolean {
  if (permit.probe || pauseMs > 0) return true;
  return outcome === 'ok' ? permit.troubled : outcome !== 'unknown';
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
