import { DroverError } from '../errors.ts';
import type { LimiterDeps } from './limiter-deps.ts';
import { reportLua } from './lua/report.ts';
import type { UpstreamDefaults } from './options.ts';
import type { Permit, RequestReport } from './permit.ts';
import { createRedisScript } from './script.ts';

/** Tells the fleet how a request went. Never throws: the answer is here, and losing the news costs less than it. */
export function createOutcomeReporter(
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
      logger.warn({ upstream: name, code }, 'how a request went could not be told to the fleet');
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
