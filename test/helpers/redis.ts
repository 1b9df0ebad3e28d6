import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { dropKeys } from './redis-server.ts';

export interface RedisSpace {
  url: string;
  /** Begins every key of this space. In braces, as BullMQ wants it on a cluster. */
  prefix: string;
  /** Deletes every key that begins with the prefix. */
  drop(): Promise<void>;
}

/** A part of the run's Redis for a test file, told from the others by its prefix. */
export function createRedisSpace(): RedisSpace {
  const url = inject('redisUrl');
  const prefix = `{drover-test-${inject('testRun')}-${randomBytes(5).toString('hex')}}`;
  return { url, prefix, drop: () => dropKeys(url, prefix) };
}
