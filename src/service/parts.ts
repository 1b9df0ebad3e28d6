import type { Redis } from 'ioredis';
import { setLimit } from '../upstreams/limits.ts';
import { readUpstreamStates } from '../upstreams/states.ts';
import { openControl } from './open-control.ts';
import { openCutovers } from './open-cutovers.ts';

/** What an API process is put together from; its entry points hand this to `startApi`. */
export const apiParts = {
  openControl,
  openCutovers,
  openUpstreams: (redis: Redis, prefix: string) => ({
    states: () => readUpstreamStates(redis, prefix),
    setLimit: (name: string, maxRps: number) => setLimit(redis, prefix, name, maxRps),
  }),
};
