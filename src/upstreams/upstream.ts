import { setMaxListeners } from 'node:events';
import { toDroverError } from '../errors.ts';
import type { UpstreamResponse } from '../plan/upstream.ts';
import { type AttemptDeps, tryOnce } from './attempt.ts';
import { backoffMs } from './backoff.ts';
import type { Limiter } from './limiter.ts';
import type { UpstreamLogger } from './log.ts';
import type { PrioritisedRequest, UpstreamSettings } from './options.ts';
import { isPassing } from './outcome.ts';
import { outgoingOf } from './outgoing.ts';

/** An upstream as the contract has it, whose requests may also say how urgent they are. */
export interface PrioritisedUpstream {
  request(request: PrioritisedRequest): Promise<UpstreamResponse>;
}

export interface UpstreamDeps extends AttemptDeps {
  readonly limiter: Limiter;
  readonly logger: UpstreamLogger;
}

/** An upstream over its limiter: one token for every HTTP request, tries included. */
export function createUpstream(deps: UpstreamDeps, settings: UpstreamSettings, base: URL): PrioritisedUpstream {
  const { limiter, clock, logger, defaults } = deps;
  return {
    async request(request) {
      const { endpoint, signal } = request;
      setMaxListeners(0, signal); // one signal stops hundreds of requests; Node takes eleven for a leak
      const outgoing = outgoingOf(request, settings, base, defaults);
      let error: unknown;
      for (let attempt = 1; ; attempt += 1) {
        const permit = await limiter.acquire(request, error);
        const tried = await tryOnce(deps, settings.name, endpoint, outgoing, attempt);
        await limiter.report(permit, tried.report);
        if (tried.response) return tried.response;
        error = tried.error;
        signal.throwIfAborted();
        if (attempt >= defaults.tries || !outgoing.repeatable || !isPassing(error)) throw error;
        // The limiter holds everyone back for a pause the upstream asked for; the wait of this try is in it.
        const waitMs = tried.report.pauseMs > 0 ? 0 : Math.round(backoffMs(attempt, defaults, clock));
        const { code } = toDroverError(error);
        logger.warn({ upstream: settings.name, endpoint, code, attempt, waitMs }, 'upstream request is sent again');
        await clock.sleep(waitMs, signal);
      }
    },
  };
}
