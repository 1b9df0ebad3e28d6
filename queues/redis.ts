import { Redis } from 'ioredis';
import { withDeadline as withTimeLimit } from '../src/deadline.ts';
import type { RedisIdentity } from '../src/engine/scheduler/types.ts';
import type { ExtractionCheckpoint } from '../src/engine/stages/extract.ts';
import { DroverError } from '../src/errors.ts';

/**
 * A connection for producers and for Drover's own keys. Without an offline queue a command fails at once while Redis is
 * unavailable instead of waiting without end. Commands without an answer are sent again, which deterministic job ids make safe.
 */
export function connectProducer(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    retryStrategy,
  });
  redis.on('error', onError);
  return redis;
}

/** A connection for workers, which wait for Redis without a deadline. */
export function connectWorker(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null, connectTimeout: 5_000, retryStrategy });
  redis.on('error', onError);
  return redis;
}

/** Waits until the connection can be used. Throws REDIS_UNAVAILABLE after the deadline. */
export async function waitUntilReady(redis: Redis, deadlineMs = 10_000): Promise<void> {
  if (redis.status === 'ready') return;
  const ready = new Promise<void>((resolve) => void redis.once('ready', () => resolve()));
  const unavailable = () => new DroverError('REDIS_UNAVAILABLE', 'Redis does not answer at REDIS_URL');
  await withTimeLimit(ready, deadlineMs, unavailable);
}

/**
 * Refuses a Redis that may lose data: without append-only a restart loses every job, and any eviction policy may delete a
 * queue's keys.
 * @throws DroverError REDIS_VOLATILE
 */
export async function assertDurable(redis: Redis, allowVolatile: boolean): Promise<void> {
  if (allowVolatile) return;
  const [persistence, memory] = await Promise.all([redis.info('persistence'), redis.info('memory')]);
  const problems: string[] = [];
  if (!/aof_enabled:1/.test(persistence)) problems.push('appendonly is off');
  const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1];
  if (policy !== undefined && policy !== 'noeviction') problems.push(`maxmemory-policy is ${policy}`);
  if (problems.length > 0) throw new DroverError('REDIS_VOLATILE', `Redis may lose jobs: ${problems.join(' and ')}`);
}

/** The result of the work, or REDIS_UNAVAILABLE after the deadline: no caller waits for Redis without one. */
export function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  const message = `Redis did not answer in ${deadlineMs} ms`;
  return withTimeLimit(work, deadlineMs, () => new DroverError('REDIS_UNAVAILABLE', message));
}

function retryStrategy(times: number): number {
  return Math.min(100 * 2 ** Math.min(times, 6), 2_000);
}

const commandDeadlineMs = 2_000;
// Longer than any run is followed.
const checkpointTtlSeconds = 7 * 24 * 3_600;

/** The id by which a Redis that was emptied or replaced is recognised. */
export function createRedisIdentity(redis: Redis, prefix: string): RedisIdentity {
  const key = `${prefix}:fleet:id`;
  return {
    read: () => withDeadline(redis.get(key), commandDeadlineMs),
    async write(id) {
      await withDeadline(redis.set(key, id), commandDeadlineMs);
    },
  };
}

/** Saves an extraction's position for live progress without a query. A lost one is written again with the next page. */
export async function saveCheckpoint(
  redis: Redis,
  prefix: string,
  runId: string,
  entity: string,
  checkpoint: ExtractionCheckpoint,
): Promise<void> {
  const key = `${prefix}:checkpoint:${runId}`;
  const saved = redis.multi().hset(key, entity, JSON.stringify(checkpoint)).expire(key, checkpointTtlSeconds).exec();
  // PostgreSQL has the cursor already; without Redis the extraction must continue.
  await withDeadline(saved, commandDeadlineMs).catch(() => undefined);
}

const publishDeadlineMs = 1_000;
const heartbeatRequestChannel = (prefix: string): string => `${prefix}:fleet:roll-call`;

/** Requests a heartbeat of every worker process now instead of within two seconds. */
export async function requestHeartbeats(redis: Redis, prefix: string): Promise<void> {
  await withDeadline(redis.publish(heartbeatRequestChannel(prefix), ''), publishDeadlineMs);
}

/**
 * Sends a heartbeat at each such request. `connection` becomes a subscriber and takes no other commands; while Redis is
 * away no request arrives, and heartbeats are sent at their interval.
 */
export function onHeartbeatRequest(connection: Redis, prefix: string, sendHeartbeat: () => void): void {
  connection.on('message', sendHeartbeat);
  // The client subscribes again with every new connection.
  connection.subscribe(heartbeatRequestChannel(prefix)).catch(() => undefined);
}
