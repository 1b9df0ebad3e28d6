import type { LookupFunction } from 'node:net';
import type { Redis } from 'ioredis';
import type { UpstreamFactory } from '../plan/upstream.ts';
import { publicLookup } from './address.ts';
import { type Clock, systemClock } from './clock.ts';
import { upstreamKeys } from './keys.ts';
import { createLimiter } from './limiter.ts';
import { assertLimit } from './limits.ts';
import type { UpstreamLogger, UpstreamMetrics } from './log.ts';
import { type UpstreamDefaults, upstreamDefaults } from './options.ts';
import { createConnectionPool } from './sockets.ts';
import { parseBaseUrl } from './target.ts';
import { createUpstream } from './upstream.ts';

export interface UpstreamFactoryDeps {
  readonly redis: Redis;
  /** Begins every key; in braces for a cluster (`{drover}`). The same in every process of the fleet. */
  readonly prefix: string;
  /** Lets upstreams be plain http and on private addresses: sandboxes and tests only. */
  readonly allowPrivate: boolean;
  readonly logger: UpstreamLogger;
  readonly metrics?: UpstreamMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly defaults?: Partial<UpstreamDefaults> | undefined;
  /** How names are resolved when only public addresses are allowed. For tests. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * The one door to external APIs. What it gives fits the contract's UpstreamFactory.
 * @throws DroverError when called with a base URL that is none (CONFIGURATION) or leads to a private place
 * (UPSTREAM_FORBIDDEN_ADDRESS).
 */
export function createUpstreamFactory(deps: UpstreamFactoryDeps): UpstreamFactory {
  const { redis, allowPrivate, logger, metrics, clock = systemClock } = deps;
  const defaults = { ...upstreamDefaults, ...deps.defaults };
  const keys = upstreamKeys(deps.prefix);
  // One pool of connections for all, because a source may be made anew for every page.
  const sockets = createConnectionPool(allowPrivate ? undefined : (deps.lookup ?? publicLookup()));
  return (settings) => {
    assertLimit(settings.name, settings.maxRps);
    const base = parseBaseUrl(settings.name, settings.baseUrl, allowPrivate);
    const limiter = createLimiter({ redis, keys, clock, logger, defaults }, settings);
    return createUpstream({ limiter, sockets, clock, logger, metrics, defaults }, settings, base);
  };
}
