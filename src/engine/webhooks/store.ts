import { randomUUID } from 'node:crypto';
import { desc, sql } from 'drizzle-orm';
import type pg from 'pg';
import type { Queries } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { runs } from '../../../db/schema/runs.ts';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { JsonObject } from '../../plan/json.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import type { Run } from '../ledger/types.ts';
import { toRun } from '../runs/store.ts';
import type { EventState, InboxReceiver, LeasedEvent, LeasedEvents, Observation, Settlement } from './types.ts';

// Whatever the pool or the server has set: an acknowledged event must be on disk. A stronger setting stays.
const durableSql = `SELECT CASE WHEN current_setting('synchronous_commit') = 'off'
  THEN set_config('synchronous_commit', 'on', true) END`;

/** $1 provider, $2 id, $3 type, $4 object, $5 account, $6 live, $7 payload, $8 state, $9 happened, $10 is due. */
const storeStatement = `
WITH durable AS MATERIALIZED (${durableSql})
INSERT INTO drover.inbox
  (provider, event_id, type, object_id, account, livemode, payload, state, happened_at, due_at, settled_at)
SELECT $1, $2, $3, $4, $5, $6, $7::json, $8, $9, CASE WHEN $10 THEN now() END, CASE WHEN NOT $10 THEN now() END
FROM durable
ON CONFLICT (provider, event_id) DO NOTHING RETURNING 1`;

/** The side of the inbox that stores events. Throws DroverError. */
export function createInboxReceiver(pool: pg.Pool): InboxReceiver {
  return {
    async store({ provider, id, type, objectId, account, livemode, payload, happenedAt }, { handled, kept }) {
      const body = handled || kept ? JSON.stringify(payload) : null;
      const state = handled ? 'pending' : 'ignored';
      const values = [provider, id, type, objectId, account, livemode, body, state, happenedAt, handled];
      return (await queryPrepared(pool, 'inbox_store', storeStatement, values)).length === 1;
    },
  };
}

interface ClaimedRow extends Row {
  readonly provider: LeasedEvent['provider'];
  readonly event_id: string;
  readonly type: string;
  readonly object_id: string | null;
  readonly account: string | null;
  readonly livemode: boolean;
  readonly happened_at: Date;
  readonly payload: JsonObject | null;
  readonly attempts: number;
  readonly received_at: Date;
  readonly look: string;
}

export type InboxQueue = ReturnType<typeof createInboxQueue>;

/** The side of the inbox that processes events. Throws DroverError. */
export function createInboxQueue(pool: pg.Pool) {
  return {
    /** Leases some events that are due, or none. */
    async claim(most: number, leaseMs: number): Promise<LeasedEvents> {
      const token = randomUUID();
      const rows = await queryPrepared<ClaimedRow>(pool, 'inbox_take', claimStatement, [token, leaseMs, most]);
      const look = rows.reduce((newest, row) => (BigInt(row.look) > newest ? BigInt(row.look) : newest), 0n);
      return { token, lookNumber: String(look), events: rows.map(toEvent) };
    },
    /**
     * Settles events and stores observations in one statement: an event whose lease another worker has taken changes nothing.
     * Returns how many were accepted.
     */
    async settle({ token, lookNumber: look }: LeasedEvents, settlements: readonly Settlement[]): Promise<number> {
      const input = JSON.stringify(settlements.map(toSettlementRow));
      const observations = JSON.stringify([...distinctObservations(settlements).values()]);
      const rows = await queryPrepared<{ n: number }>(pool, 'inbox_settle', settleStatement, [
        input,
        token,
        observations,
        look,
      ]);
      return rows[0]?.n ?? 0;
    },
  };
}

function toEvent(row: ClaimedRow): LeasedEvent {
  return {
    provider: row.provider,
    id: row.event_id,
    type: row.type,
    objectId: row.object_id,
    account: row.account,
    livemode: row.livemode,
    happenedAt: row.happened_at,
    payload: row.payload ?? {},
    attempts: row.attempts,
    receivedAt: row.received_at,
  };
}

function toSettlementRow({ event, state, code, message, effect, delayMs, observation }: Settlement) {
  const object = observation && objectKey(event.provider, observation);
  return { provider: event.provider, id: event.id, state, code, message, effect, delay_ms: delayMs, object };
}

/** One observation for each object, however many events were about it. */
function distinctObservations(settlements: readonly Settlement[]): Map<string, object> {
  const observations = new Map<string, object>();
  for (const { event, observation } of settlements) {
    if (observation === undefined) continue;
    const { kind, objectId, row, state, differs } = observation;
    const { plan, entity, targetSchema, sourceId, targetId } = row;
    const object = objectKey(event.provider, observation);
    observations.set(object, {
      ...{ object, provider: event.provider, kind, object_id: objectId, state, differs },
      ...{ plan, entity, target_schema: targetSchema, source_id: sourceId, target_id: targetId },
    });
  }
  return observations;
}

const objectKey = (provider: string, { kind, objectId }: Observation): string => `${provider} ${kind} ${objectId}`;

/** $1 token, $2 lease in ms, $3 how many. A look is numbered when it begins, after the events that cause it were stored. */
const claimStatement = `
WITH due AS (
  SELECT provider, event_id FROM drover.inbox
  WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now())
  ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE drover.inbox i SET lease_token = $1, lease_until = now() + $2 * interval '1 millisecond', attempts = attempts + 1
FROM due WHERE i.provider = due.provider AND i.event_id = due.event_id
RETURNING i.provider, i.event_id, i.type, i.object_id, i.account, i.livemode, i.happened_at, i.payload, i.attempts,
  i.received_at, nextval('drover.inbox_looks')::text AS look`;

/**
 * $1 settlements, $2 token, $3 observations, $4 look. An observation is stored only with an event that is still leased: so an
 * event counts once. Of two looks at one object the later one stays, whichever is written first.
 */
const settleStatement = `
WITH input AS (
  SELECT * FROM json_to_recordset($1::json) AS x(provider text, id text, state text, code text, message text,
    effect text, delay_ms float8, object text)
), settled AS (
  UPDATE drover.inbox i SET state = t.state, code = t.code, message = t.message, effect = t.effect,
    due_at = now() + t.delay_ms * interval '1 millisecond',
    settled_at = CASE WHEN t.state IN ('applied', 'ignored') THEN now() END, lease_token = NULL, lease_until = NULL
  FROM input t WHERE i.provider = t.provider AND i.event_id = t.id AND i.lease_token = $2
  RETURNING t.object
), observed AS (
  INSERT INTO drover.observations AS o
    (provider, kind, object_id, plan, entity, target_schema, source_id, target_id, state, differs, look, events)
  SELECT x.provider, x.kind, x.object_id, x.plan, x.entity, x.target_schema, x.source_id, x.target_id, x.state, x.differs,
    $4::bigint, m.n
  FROM json_to_recordset($3::json) AS x(object text, provider text, kind text, object_id text, plan text, entity text,
    target_schema text, source_id text, target_id text, state jsonb, differs text[])
  JOIN (SELECT object, count(*)::int AS n FROM settled WHERE object IS NOT NULL GROUP BY object) m ON m.object = x.object
  -- In one order, so that two statements over the same rows do not deadlock.
  ORDER BY x.object
  ON CONFLICT (provider, kind, object_id) DO UPDATE SET
    events = o.events + excluded.events,
    plan = CASE WHEN excluded.look > o.look THEN excluded.plan ELSE o.plan END,
    entity = CASE WHEN excluded.look > o.look THEN excluded.entity ELSE o.entity END,
    target_schema = CASE WHEN excluded.look > o.look THEN excluded.target_schema ELSE o.target_schema END,
    source_id = CASE WHEN excluded.look > o.look THEN excluded.source_id ELSE o.source_id END,
    target_id = CASE WHEN excluded.look > o.look THEN excluded.target_id ELSE o.target_id END,
    state = CASE WHEN excluded.look > o.look THEN excluded.state ELSE o.state END,
    differs = CASE WHEN excluded.look > o.look THEN excluded.differs ELSE o.differs END,
    observed_at = CASE WHEN excluded.look > o.look THEN now() ELSE o.observed_at END,
    look = greatest(o.look, excluded.look)
)
SELECT count(*)::int AS n FROM settled`;

/** An event as lists show it. */
export interface InboxRow extends Row {
  readonly seq: string;
  readonly provider: string;
  readonly id: string;
  readonly type: string;
  readonly objectId: string | null;
  readonly livemode: boolean;
  readonly state: EventState;
  readonly attempts: number;
  readonly code: string | null;
  readonly message: string | null;
  readonly effect: string | null;
  readonly happenedAt: Date;
  readonly receivedAt: Date;
  readonly dueAt: Date | null;
  readonly settledAt: Date | null;
  readonly payload: JsonObject | null;
}

export interface InboxFilter {
  readonly state?: EventState | undefined;
  readonly type?: string | undefined;
  readonly objectId?: string | undefined;
  readonly code?: string | undefined;
  /** True: pending, and tried at least once: it waits for what its code names. False: all others. */
  readonly waiting?: boolean | undefined;
  /** Only those that arrived before this one. */
  readonly before?: string | undefined;
  readonly limit: number;
}

const listStatement = `
SELECT seq::text AS seq, provider, event_id AS id, type, object_id AS "objectId", livemode, state, attempts, code, message,
  effect, happened_at AS "happenedAt", received_at AS "receivedAt", due_at AS "dueAt", settled_at AS "settledAt", payload
FROM drover.inbox
WHERE ($1::bigint IS NULL OR seq < $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR type = $3)
  AND ($4::text IS NULL OR object_id = $4) AND ($6::text IS NULL OR code = $6)
  AND ($7::boolean IS NULL OR (state = 'pending' AND code IS NOT NULL) = $7)
ORDER BY seq DESC LIMIT $5`;

export type InboxReader = ReturnType<typeof createInboxReader>;

/** The side of the inbox that lists events. Throws DroverError. */
export function createInboxReader(pool: pg.Pool) {
  return {
    /** The newest first. */
    list: ({ before, state, type, objectId, limit, code, waiting }: InboxFilter): Promise<readonly InboxRow[]> =>
      queryPrepared<InboxRow>(pool, undefined, listStatement, [
        before ?? null,
        state ?? null,
        type ?? null,
        objectId ?? null,
        limit,
        code ?? null,
        waiting ?? null,
      ]),
  };
}

/** The newest run of a plan into each schema, the newest first. */
export async function runsBySchema(database: Queries, plan: string): Promise<readonly Run[]> {
  const newestOfSchema = sql`${runs.id} IN (
    SELECT DISTINCT ON (target_schema) id FROM drover.runs WHERE plan = ${plan} AND NOT dry_run
    ORDER BY target_schema, created_at DESC, id DESC)`;
  const rows = await withDatabaseErrors(
    database.select().from(runs).where(newestOfSchema).orderBy(desc(runs.createdAt)),
  );
  return rows.map(toRun);
}

export interface MirrorTable {
  readonly schema: string;
  readonly table: string;
  /** Of its identities. */
  readonly scope: string;
  readonly entity: string;
  /** The column that names the object. */
  readonly column: string;
}

/** A migrated row that names an object at an upstream, and the record it was made of. */
export interface NamedRow extends Record<string, unknown> {
  readonly object: string;
  readonly sourceId: string;
  readonly targetId: string;
  readonly row: JsonObject;
}

/** Migrated rows whose column names one of the objects; none when the table no longer exists. */
export async function namedRows(pool: pg.Pool, place: MirrorTable, objectIds: readonly string[]): Promise<NamedRow[]> {
  const table = qualified(place.schema, place.table);
  const [there] = await queryPrepared<{ there: boolean }>(
    pool,
    undefined,
    'SELECT to_regclass($1) IS NOT NULL AS there',
    [table],
  );
  if (!there?.there) return [];
  const column = `t.${identifier(place.column)}`;
  const text = `
SELECT ${column} AS object, i.source_id AS "sourceId", i.target_id AS "targetId", to_jsonb(t) AS row
FROM ${table} t JOIN drover.identities i
  ON i.target_id = t.id::text AND i.scope = $2 AND i.entity = $3 AND NOT i.merged
WHERE ${column} = ANY($1::text[])`;
  return queryPrepared<NamedRow>(pool, undefined, text, [objectIds, place.scope, place.entity]);
}
