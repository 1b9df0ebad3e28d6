import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { readUpstreamStates, setLimit } from '../upstreams/states.ts';
import { createUpstreamFactory } from '../upstreams/upstream.ts';
import { openControl } from './open-control.ts';
import { openCutovers } from './open-cutovers.ts';

/** What an API process is put together from; its entry points hand this to `startApi`. */
export const apiParts = {
  openControl,
  openCutovers,
  openUpstreams: (
    redis: Redis,
    { redisPrefix: prefix, allowPrivateUpstreams: allowPrivate }: Config,
    logger: Logger,
  ) => ({
    states: () => readUpstreamStates(redis, prefix),
    setLimit: (name: string, maxRps: number) => setLimit(redis, prefix, name, maxRps),
    open: createUpstreamFactory({ redis, prefix, allowPrivate, logger }),
  }),
};
