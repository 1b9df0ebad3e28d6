import { setMaxListeners } from 'node:events';
import { toDroverError } from '../errors.ts';
import type { Upstream, UpstreamOptions } from '../plan/upstream.ts';
import { type AttemptDeps, sendOnce } from './attempt.ts';
import { backoffMs } from './backoff.ts';
import type { Limiter } from './limiter.ts';
import type { UpstreamLogger } from './log.ts';
import { isRetryable } from './outcome.ts';
import { buildRequest } from './outgoing.ts';

export interface UpstreamDeps extends AttemptDeps {
  readonly limiter: Limiter;
  readonly logger: UpstreamLogger;
}

/** An upstream over its limiter: one token for every HTTP request, tries included. */
export function createUpstream(deps: UpstreamDeps, settings: UpstreamOptions, base: URL): Upstream {
  const { limiter, clock, logger, defaults } = deps;
  return {
    async request(request) {
      const { endpoint, signal } = request;
      setMaxListeners(0, signal); // one signal stops hundreds of requests; Node takes eleven for a leak
      const outgoing = buildRequest(request, settings, base, defaults);
      const tries = outgoing.repeatable ? (request.tries ?? defaults.tries) : 1;
      let error: unknown;
      for (let attempt = 1; ; attempt += 1) {
        const permit = await limiter.acquire(request, error);
        const tried = await sendOnce(deps, settings.name, endpoint, outgoing, attempt);
        await limiter.report(permit, tried.report);
        if (tried.response) return tried.response;
        error = tried.error;
        signal.throwIfAborted();
        if (attempt >= tries || !isRetryable(error)) throw error;
        // The limiter holds everyone back for a pause the upstream asked for; the wait of this try is in it.
        const waitMs = tried.report.pauseMs > 0 ? 0 : Math.round(backoffMs(attempt, defaults, clock));
        const { code } = toDroverError(error);
        logger.warn({ upstream: settings.name, endpoint, code, attempt, waitMs }, 'upstream request is sent again');
        await clock.sleep(waitMs, signal);
      }
    },
  };
}
