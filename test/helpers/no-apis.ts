import type { Database } from '../../db/client.ts';
import { createEffectStore } from '../../src/engine/api-effects/store.ts';
import { createConcurrencyLimiter } from '../../src/engine/stages/api-record.ts';

/** The load stage's dependencies for entities at an API, for plans without one. */
export function noApis(database: Database) {
  const apis = () => {
    throw new Error('this plan writes to no API');
  };
  return { apis, effects: createEffectStore(database.$client), limiter: createConcurrencyLimiter(1), leaseMs: 10_000 };
}
