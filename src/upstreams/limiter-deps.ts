import type { Redis } from 'ioredis';
import type { Clock } from './clock.ts';
import type { UpstreamKeys } from './keys.ts';
import type { UpstreamLogger } from './log.ts';
import type { UpstreamDefaults } from './options.ts';

/** What a process needs to share limits and breakers with the fleet. */
export interface LimiterDeps {
  readonly redis: Redis;
  readonly keys: UpstreamKeys;
  readonly clock: Clock;
  readonly logger: UpstreamLogger;
  readonly defaults: UpstreamDefaults;
}
