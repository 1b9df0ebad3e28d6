import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { dropKeys } from './redis-server.ts';

export interface RedisSpace {
  url: string;
  /** Prefix of every key of this space. In braces, as BullMQ requires on a cluster. */
  prefix: string;
  /** Deletes every key that begins with the prefix. */
  drop(): Promise<void>;
}

/** A key space in the test run's Redis for one test file, separated by its prefix. */
export function createRedisSpace(): RedisSpace {
  const url = inject('redisUrl');
  const prefix = `{drover-test-${inject('testRun')}-${randomBytes(5).toString('hex')}}`;
  return { url, prefix, drop: () => dropKeys(url, prefix) };
}
