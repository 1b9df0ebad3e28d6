import type { ApiServices } from '../../../src/api/services.ts';
import { createSourceFactory } from '../../../src/engine/sources.ts';
import { createUpstreamFactory } from '../../../src/upstreams/upstream.ts';
import type { Services } from '../../../workers/services.ts';
import { withoutEpochs } from './epoch.ts';
import { withoutInboxKey } from './inbox.ts';
import { withoutIntents } from './intent.ts';
import { withoutLeases } from './lease.ts';

/** Workers without one of its guards. Made by the drills' own worker script and by nothing else. */
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
  limiter: (services: Services): Services => ({ ...services, source: sourceWithOwnLimiter(services) }),
} as const satisfies Record<string, (services: Services) => Services>;

/** An API without one of its guards. Made by the drills' own script for it and by nothing else. */
export const apiMutants = {
  inbox: (services: ApiServices): ApiServices => ({ ...services, inbox: withoutInboxKey(services.inbox) }),
} as const satisfies Record<string, (services: ApiServices) => ApiServices>;

export type Guard = keyof typeof mutants | keyof typeof apiMutants;

export const guards = [...Object.keys(mutants), ...Object.keys(apiMutants)] as readonly Guard[];

/** Each process keeps the limit for itself and knows nothing of the others. */
function sourceWithOwnLimiter({ config, redis, logger }: Services): Services['source'] {
  const prefix = `${config.redisPrefix}-${process.pid}`;
  const allowPrivate = config.allowPrivateUpstreams;
  return createSourceFactory({
    settings: config.settings,
    upstreams: createUpstreamFactory({ redis, prefix, allowPrivate, logger }),
  });
}
