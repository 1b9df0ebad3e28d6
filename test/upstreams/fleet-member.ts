import { Redis } from 'ioredis';
import type { Upstream, UpstreamRequest } from '../../src/plan/upstream.ts';
import { type UpstreamDefaults, type UpstreamEvent, upstreamDefaults } from '../../src/upstreams/options.ts';
import { createUpstreamFactory, type UpstreamFactoryDeps } from '../../src/upstreams/upstream.ts';

export interface Member {
  redis: Redis;
  upstream: Upstream;
  events: UpstreamEvent[];
  /** Every log message, as text. */
  log: string[];
  get(path?: string, more?: Partial<UpstreamRequest>): ReturnType<Upstream['request']>;
  leave(): void;
}

export interface MemberOptions {
  redisUrl: string;
  prefix: string;
  baseUrl: string;
  maxRps?: number;
  defaults?: Partial<UpstreamDefaults>;
  timeoutMs?: number;
  deps?: Partial<UpstreamFactoryDeps>;
}

/** Short pauses and deadlines, so that tests do not wait for the defaults. */
export const shortTimeouts: UpstreamDefaults = { ...upstreamDefaults, backoffMs: 5, redisTimeoutMs: 500 };

/** A member of a fleet, in the process of the test. */
export function joinFleet({
  redisUrl,
  prefix,
  baseUrl,
  maxRps = 500,
  defaults,
  timeoutMs = 2_000,
  deps,
}: MemberOptions): Member {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  const events: UpstreamEvent[] = [];
  const log: string[] = [];
  const factory = createUpstreamFactory({
    redis,
    prefix,
    allowPrivate: true,
    logger: { warn: (details, message) => void log.push(JSON.stringify({ ...details, message })) },
    metrics: { onRequest: (event) => void events.push(event) },
    defaults: { ...shortTimeouts, ...defaults },
    ...deps,
  });
  const upstream = factory({
    name: 'up',
    baseUrl,
    maxRps,
    timeoutMs,
    headers: { authorization: 'Bearer canary-key-1' },
  });
  const get: Member['get'] = (path = 'thing', more = {}) =>
    upstream.request({ method: 'GET', path, endpoint: 'thing', signal: new AbortController().signal, ...more });
  return { redis, upstream, events, log, get, leave: () => redis.disconnect() };
}
