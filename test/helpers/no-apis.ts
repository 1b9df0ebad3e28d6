import type { Database } from '../../db/client.ts';
import { createEffectStore } from '../../src/engine/api-effects/store.ts';
import { createConcurrencyLimiter } from '../../src/engine/stages/api-record.ts';

/** What the load stage needs for entities that go to an API, for plans that have none. */
export function noApis(database: Database) {
  const apis = () => {
    throw new Error('this plan writes to no API');
  };
  return { apis, effects: createEffectStore(database.$client), limiter: createConcurrencyLimiter(1), leaseMs: 10_000 };
}
