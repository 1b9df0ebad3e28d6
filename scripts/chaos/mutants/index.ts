import { createSourceFactory } from '../../../src/engine/sources.ts';
import { createUpstreamFactory } from '../../../src/upstreams/factory.ts';
import type { Services } from '../../../workers/services.ts';
import { withoutEpochs } from './epoch.ts';
import { withoutIntents } from './intent.ts';
import { withoutLeases } from './lease.ts';

/** A fleet without one of its guards. Made by the drills' own worker script and by nothing else. */
export const mutants = {
  epoch: (services: Services): Services => ({
    ...services,
    ledger: withoutEpochs(services.ledger, services.database.$client),
  }),
  lease: (services: Services): Services => ({ ...services, ledger: withoutLeases(services.ledger) }),
  intent: (services: Services): Services => ({
    ...services,
    api: { ...services.api, effects: withoutIntents(services.api.effects) },
  }),
  limiter: (services: Services): Services => ({ ...services, source: sourcesOfItsOwn(services) }),
} as const satisfies Record<string, (services: Services) => Services>;

export type Guard = keyof typeof mutants;

export const guards = Object.keys(mutants) as readonly Guard[];

/** Each process keeps the limit for itself and knows nothing of the others. */
function sourcesOfItsOwn({ config, redis, logger }: Services): Services['source'] {
  const prefix = `${config.redisPrefix}-${process.pid}`;
  const allowPrivate = config.allowPrivateUpstreams;
  return createSourceFactory({
    settings: config.settings,
    upstreams: createUpstreamFactory({ redis, prefix, allowPrivate, logger }),
  });
}
