import type { Redis } from 'ioredis';
import { DroverError } from '../errors.ts';
import { upstreamDefaults } from './options.ts';
import { upstreamKeys, withRedisDeadline } from './redis.ts';

/** The state of an upstream or one of its endpoints for the whole fleet. Times are ISO 8601 UTC by Redis's clock. */
export interface UpstreamState {
  readonly name: string;
  /** Null for the upstream as a whole. */
  readonly endpoint: string | null;
  /** Requests a second from the configuration; null when only an operator has set one. */
  readonly configuredRps: number | null;
  /** Requests a second an operator has set. */
  readonly overrideRps: number | null;
  /** The limit in force, after reductions by 429s. */
  readonly effectiveRps: number;
  /** No request is sent before this time, because the upstream asked for a pause. */
  readonly blockedUntil: string | null;
  /** half-open: one probe request is admitted. Endpoints share their upstream's breaker. */
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly breakerOpenUntil: string | null;
  readonly failuresInARow: number;
  /** Requests of the last second and minute, estimated from whole seconds and minutes. */
  readonly usedLastSecond: number;
  readonly usedLastMinute: number;
}

type BucketFields = Readonly<Record<string, string>>;

/** The state of every upstream and endpoint that has sent a request. Throws REDIS_UNAVAILABLE without Redis. */
export async function readUpstreamStates(redis: Redis, prefix: string): Promise<UpstreamState[]> {
  return withRedisDeadline(readStates(redis, prefix), upstreamDefaults.redisTimeoutMs);
}

async function readStates(redis: Redis, prefix: string): Promise<UpstreamState[]> {
  const keys = upstreamKeys(prefix);
  const [names, overrides, [seconds, micros]] = await Promise.all([
    redis.smembers(keys.index),
    redis.hgetall(keys.overrides),
    redis.time(),
  ]);
  const now = Number(seconds) * 1_000_000 + Number(micros);
  const hashes = await Promise.all(
    names.sort().map(async (name) => [name, await redis.hgetall(keys.bucket(name))] as const),
  );
  const fields = new Map<string, BucketFields>(hashes);
  return hashes
    .map(([name, bucket]) => stateOf(name, bucket, fields.get(upstreamOf(name)) ?? {}, overrides[name], now))
    .filter((state) => state.effectiveRps > 0);
}

function stateOf(
  name: string,
  bucket: BucketFields,
  breaker: BucketFields,
  override: string | undefined,
  now: number,
): UpstreamState {
  const configuredRps = numberOr(bucket.configured, null);
  const overrideRps = numberOr(override, null);
  return {
    name: upstreamOf(name),
    endpoint: name.includes('/') ? name.slice(name.indexOf('/') + 1) : null,
    configuredRps,
    overrideRps,
    effectiveRps: (overrideRps ?? configuredRps ?? 0) * factorOf(bucket, now),
    blockedUntil: futureInstant(bucket.blocked, now),
    breaker: breakerOf(breaker, now),
    breakerOpenUntil: futureInstant(breaker.openUntil, now),
    failuresInARow: Number(breaker.failures ?? 0),
    usedLastSecond: recentUsage(bucket, ['second', 'inSecond', 'beforeSecond'], 1_000_000, now),
    usedLastMinute: recentUsage(bucket, ['minute', 'inMinute', 'beforeMinute'], 60_000_000, now),
  };
}

function factorOf({ factor = '1', factorAt }: BucketFields, now: number): number {
  const grown = Math.max(0, now - Number(factorAt ?? now)) / 1_000_000;
  return Math.min(1, Number(factor) + grown * upstreamDefaults.limiter.regrowthPerSecond);
}

function breakerOf({ openUntil }: BucketFields, now: number): UpstreamState['breaker'] {
  if (openUntil === undefined) return 'closed';
  return Number(openUntil) > now ? 'open' : 'half-open';
}

/** A sliding window estimate: the previous whole period counts in proportion to its overlap with the window. */
function recentUsage(
  bucket: BucketFields,
  [period, within, before]: [string, string, string],
  length: number,
  now: number,
): number {
  const current = Math.floor(now / length);
  const part = 1 - (now % length) / length;
  const [at, inside, earlier] = [period, within, before].map((field) => Number(bucket[field] ?? 0)) as [
    number,
    number,
    number,
  ];
  if (at === current) return Math.round(inside + earlier * part);
  return at === current - 1 ? Math.round(inside * part) : 0;
}

function upstreamOf(name: string): string {
  return name.split('/')[0] ?? name;
}

function futureInstant(micros: string | undefined, now: number): string | null {
  return Number(micros ?? 0) > now ? new Date(Number(micros) / 1_000).toISOString() : null;
}

function numberOr<T>(text: string | undefined, otherwise: T): number | T {
  return text === undefined || text === '' ? otherwise : Number(text);
}

/**
 * Sets how many requests a second the whole fleet may send, at once in every process; null restores the configured
 * limit. The name is an upstream's (`stripe`) or an endpoint's (`stripe/customers`). Kept in Redis only: the caller that
 * owns the setting restores it when Redis was emptied.
 * @throws DroverError CONFIGURATION for an invalid limit, REDIS_UNAVAILABLE when Redis does not answer.
 */
export async function setLimit(redis: Redis, prefix: string, name: string, maxRps: number | null): Promise<void> {
  if (maxRps !== null) assertLimit(name, maxRps);
  const { overrides } = upstreamKeys(prefix);
  const call = maxRps === null ? redis.hdel(overrides, name) : redis.hset(overrides, name, String(maxRps));
  await withRedisDeadline(call, upstreamDefaults.redisTimeoutMs);
}

/** The limits set at run time: name to requests a second. */
export async function readLimits(redis: Redis, prefix: string): Promise<Readonly<Record<string, number>>> {
  const set = await withRedisDeadline(redis.hgetall(upstreamKeys(prefix).overrides), upstreamDefaults.redisTimeoutMs);
  return Object.fromEntries(Object.entries(set).map(([name, maxRps]) => [name, Number(maxRps)]));
}

/** Throws CONFIGURATION unless the limit is within the allowed range. */
export function assertLimit(name: string, maxRps: number): void {
  if (maxRps >= 0.001 && maxRps <= 100_000) return;
  throw new DroverError('CONFIGURATION', `${name}: requests a second must be between 0.001 and 100,000, not ${maxRps}`);
}
