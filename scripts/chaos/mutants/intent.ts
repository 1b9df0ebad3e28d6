import type { EffectStore } from '../../../src/engine/effects/ports.ts';

/**
 * Effects without intents: nothing is written down before it is sent, so whoever comes after a lost answer takes the
 * record for one that nobody has begun. Ids that are chosen by us and lookup keys still keep Stripe from making a thing
 * twice; what goes wrong is what no id can tell: an old price that is sold beside the new one.
 */
export function withoutIntents(effects: EffectStore): EffectStore {
  return {
    ...effects,
    begun: async () => new Set(),
    begin: async (_held, _worker, { keyBase }) => `${keyBase}-1`,
    end: async () => undefined,
  };
}
