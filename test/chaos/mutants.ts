import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { ApiServices } from '../../src/api/services.ts';
import type { EffectStore } from '../../src/engine/api-effects/effects.ts';
import type { Ledger, RecordRef } from '../../src/engine/ledger/types.ts';
import { createSourceFactory } from '../../src/engine/runs/context.ts';
import type { InboxReceiver } from '../../src/engine/webhooks/types.ts';
import { createUpstreamFactory } from '../../src/upstreams/upstream.ts';
import type { Services } from '../../workers/services.ts';

/** Workers without one of its guards. Made by the experiments' own worker script and by nothing else. */
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

/** An API without one of its guards. Made by the experiments' own script for it and by nothing else. */
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

/** The ledger without its epochs: any worker with the record counts as the one it was last dispatched to. */
export function withoutEpochs(ledger: Ledger, pool: pg.Pool): Ledger {
  const current = async (refs: readonly RecordRef[]): Promise<RecordRef[]> => {
    const { rows } = await pool.query<RecordRef>(
      'SELECT id::text AS id, epoch FROM drover.records WHERE id = ANY($1::bigint[])',
      [refs.map((ref) => ref.id)],
    );
    return rows;
  };
  return {
    ...ledger,
    open: async (stage, refs, want) => ledger.open(stage, await current(refs), want),
    claim: async (refs, token, leaseMs) => ledger.claim(await current(refs), token, leaseMs),
    async writeOutcomes(finishes, worker) {
      const epochs = new Map((await current(finishes.map(({ ref }) => ref))).map(({ id, epoch }) => [id, epoch]));
      const believed = finishes.map((one) => ({ ...one, ref: { ...one.ref, epoch: epochs.get(one.ref.id) ?? -1 } }));
      return ledger.writeOutcomes(believed, worker);
    },
  };
}

/** The ledger without its leases: costly work is granted to everyone who asks, and every finish counts. */
export function withoutLeases(ledger: Ledger): Ledger {
  return {
    ...ledger,
    claim: async (refs) => [...refs],
    writeOutcomes: (finishes, worker) =>
      ledger.writeOutcomes(
        finishes.map(({ token: _token, ...rest }) => rest),
        worker,
      ),
  };
}

/**
 * Effects without intents: nothing is written down before it is sent, so the next worker after a lost answer takes the
 * record for one that was not begun. Ids that are chosen by us and lookup keys still keep Stripe from making a thing
 * twice; what goes wrong is what an id does not show: an old price that is sold beside the new one.
 */
export function withoutIntents(effects: EffectStore): EffectStore {
  return {
    ...effects,
    startedSourceIds: async () => new Set(),
    beginIntent: async (_held, _worker, { keyBase }) => `${keyBase}-1`,
    completeIntent: async () => undefined,
  };
}

/** The inbox without its key: every delivery of an event is taken for a new one. */
export function withoutInboxKey<T extends InboxReceiver>(inbox: T): T {
  return { ...inbox, store: (event, handled) => inbox.store({ ...event, id: `${event.id}-${randomUUID()}` }, handled) };
}
