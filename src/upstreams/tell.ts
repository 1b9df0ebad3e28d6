import { DroverError } from '../errors.ts';
import type { LimiterDeps } from './limiter-deps.ts';
import { reportLua } from './lua/report.ts';
import type { UpstreamDefaults } from './options.ts';
import type { Permit, Report } from './permit.ts';
import { createScript } from './script.ts';

/** Tells the fleet how a request went. Never throws: the answer is here, and losing the news costs less than it. */
export function createTell(
  { redis, keys, logger, defaults }: LimiterDeps,
  name: string,
): (permit: Permit, report: Report) => Promise<void> {
  const script = createScript(redis, reportLua(), defaults.redisTimeoutMs);
  return async (permit, report) => {
    if (!isNews(permit, report)) return;
    const refused = keys.bucket(name, report.ofEndpoint && permit.ownLimit ? permit.endpoint : undefined);
    try {
      await script([keys.bucket(name), refused], argumentsOf(permit, report, defaults));
    } catch (error) {
      const code = error instanceof DroverError ? error.code : undefined;
      logger.warn({ upstream: name, code }, 'how a request went could not be told to the fleet');
    }
  };
}

/** A success among successes is none, and spares Redis a call for every request. */
function isNews(permit: Permit, { outcome, pauseMs }: Report): boolean {
  if (permit.probe || pauseMs > 0) return true;
  return outcome === 'ok' ? permit.troubled : outcome !== 'unknown';
}

function argumentsOf(permit: Permit, report: Report, { limiter, breaker }: UpstreamDefaults): (string | number)[] {
  return [
    ...[report.outcome, Math.round(report.pauseMs * 1_000), permit.probe ? '1' : '0'],
    ...[breaker.failures, breaker.pauseMs * 1_000, breaker.maxPauseMs * 1_000],
    ...[limiter.shrink, limiter.floor, limiter.regrowthPerSecond / 1_000_000],
  ];
}
