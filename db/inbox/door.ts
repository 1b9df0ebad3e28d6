import type pg from 'pg';
import type { InboxDoor } from '../../src/payments/inbox/ports.ts';
import { prepared } from '../sql.ts';

// Whatever the pool or the server have set: what was acknowledged must be on disk. A stronger setting stays.
const durable = `SELECT CASE WHEN current_setting('synchronous_commit') = 'off'
  THEN set_config('synchronous_commit', 'on', true) END`;

/** $1 provider, $2 id, $3 type, $4 object, $5 account, $6 live, $7 payload, $8 state, $9 happened, $10 is due. */
const storeStatement = `
WITH durable AS MATERIALIZED (${durable})
INSERT INTO drover.inbox
  (provider, event_id, type, object_id, account, livemode, payload, state, happened_at, due_at, settled_at)
SELECT $1, $2, $3, $4, $5, $6, $7::json, $8, $9, CASE WHEN $10 THEN now() END, CASE WHEN NOT $10 THEN now() END
FROM durable
ON CONFLICT (provider, event_id) DO NOTHING RETURNING 1`;

/** The inbox for those who put events in. Throws DroverError. */
export function createInboxDoor(pool: pg.Pool): InboxDoor {
  return {
    async store({ provider, id, type, objectId, account, livemode, payload, happenedAt }, handled) {
      const kept = handled ? JSON.stringify(payload) : null;
      const state = handled ? 'pending' : 'ignored';
      const values = [provider, id, type, objectId, account, livemode, kept, state, happenedAt, handled];
      return (await prepared(pool, 'inbox_store', storeStatement, values)).length === 1;
    },
  };
}
