import { type SQL, sql } from 'drizzle-orm';
import type { Database, Queries } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { appendAudit, createAuditLog } from '../../../db/stores/audit.ts';
import type { Actor } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import { parseAgeHours } from '../retention/purge.ts';
import type { EventState } from './types.ts';

/** Which events; what is absent does not limit. */
export interface EventFilter {
  readonly state?: EventState | undefined;
  readonly code?: string | undefined;
  readonly type?: string | undefined;
  readonly objectId?: string | undefined;
  /** True: pending, and tried at least once: it waits for what its code names. False: all others. */
  readonly waiting?: boolean | undefined;
}

/** What a replay of all that match did, or would do. `matched` is the sum of the other three. */
export interface ReplayResult {
  readonly dryRun: boolean;
  readonly matched: number;
  readonly replayed: number;
  /** Their payload was not kept, so there is nothing to apply. */
  readonly withoutPayload: number;
  /** Processed by a worker at this moment. */
  readonly busy: number;
}

export interface EventPurge {
  readonly dryRun: boolean;
  /** False when the time budget was used up: the same request continues. */
  readonly complete: boolean;
  readonly events: number;
}

/** The operators' side of the inbox. Every method throws DroverError. */
export interface InboxControl {
  /** Applies an event again, at once. Throws NOT_FOUND, WEBHOOK_NOT_KEPT, or NOT_ALLOWED_NOW while a worker has it. */
  replay(event: { provider: string; id: string }, reason: string, actor: Actor): Promise<void>;
  /** All that match, exactly counted. Without a state: what failed and what waits. */
  replayAll(request: EventFilter & { dryRun: boolean; reason: string }, actor: Actor): Promise<ReplayResult>;
  /** Deletes events that were applied or ignored longer ago than `olderThan` (`30d`). */
  purge(request: { olderThan: string; dryRun: boolean; reason: string }, actor: Actor): Promise<EventPurge>;
}

const isWaiting = sql`(state = 'pending' AND code IS NOT NULL)`;
const isOpen = sql`(state = 'failed' OR ${isWaiting})`;
const isBusy = sql`(lease_until IS NOT NULL AND lease_until > now())`;
// As a new event, except that it keeps when it arrived: the horizon for events without their payment counts from there.
const asNew = sql`state = 'pending', attempts = 0, code = NULL, message = NULL, effect = NULL, due_at = now(),
  settled_at = NULL, lease_token = NULL, lease_until = NULL`;

const purgeBatch = 5_000;
const purgeBudgetMs = 10_000;

/** Replays and purges, each with its row in the audit log. */
export function createInboxControl(database: Database): InboxControl {
  return {
    replay: (event, reason, actor) =>
      withDatabaseErrors(database.transaction((tx) => replayOne(tx, event, reason, actor))),
    replayAll: ({ dryRun, reason, ...filter }, actor) =>
      withDatabaseErrors(database.transaction((tx) => replayMatching(tx, filter, { dryRun, reason }, actor))),
    purge: (request, actor) => purgeSettled(database, request, actor),
  };
}

async function replayOne(
  tx: Queries,
  { provider, id }: { provider: string; id: string },
  reason: string,
  actor: Actor,
): Promise<void> {
  const { rows } = await tx.execute<{ state: string; code: string | null; kept: boolean; busy: boolean }>(sql`
    SELECT state, code, payload IS NOT NULL AS kept, ${isBusy} AS busy FROM drover.inbox
    WHERE provider = ${provider} AND event_id = ${id} FOR UPDATE`);
  const [row] = rows;
  if (row === undefined) throw new DroverError('NOT_FOUND', `there is no event ${id} of ${provider}`);
  if (!row.kept)
    throw new DroverError('WEBHOOK_NOT_KEPT', `the payload of event ${id} was not kept, so it cannot be replayed`);
  if (row.busy) {
    throw new DroverError('NOT_ALLOWED_NOW', `a worker processes event ${id} at this moment`, {
      remedy: 'Look at its state in a minute, and replay it then.',
    });
  }
  await tx.execute(sql`UPDATE drover.inbox SET ${asNew} WHERE provider = ${provider} AND event_id = ${id}`);
  await appendAudit(tx, {
    ...{ actor: actor.id, role: actor.role, action: 'webhook.replay', subject: `webhook:${provider}/${id}`, reason },
    details: { state: row.state, code: row.code },
  });
}

async function replayMatching(
  tx: Queries,
  filter: EventFilter,
  { dryRun, reason }: { dryRun: boolean; reason: string },
  actor: Actor,
): Promise<ReplayResult> {
  const where = conditionOf(filter);
  // Both numbers and the change are of one snapshot, so they add up whatever arrives meanwhile.
  const replayable = sql`SELECT provider, event_id FROM drover.inbox
    WHERE ${where} AND payload IS NOT NULL AND NOT ${isBusy}`;
  const chosen = dryRun ? replayable : sql`${replayable} FOR UPDATE SKIP LOCKED`;
  const counted = dryRun
    ? sql`SELECT 1 FROM chosen`
    : sql`UPDATE drover.inbox i SET ${asNew} FROM chosen c WHERE i.provider = c.provider AND i.event_id = c.event_id RETURNING 1`;
  const { rows } = await tx.execute<{ matched: number; replayed: number; without: number }>(sql`
    WITH seen AS MATERIALIZED (SELECT payload IS NULL AS without FROM drover.inbox WHERE ${where}),
    chosen AS MATERIALIZED (${chosen}), done AS (${counted})
    SELECT (SELECT count(*) FROM seen)::int AS matched, (SELECT count(*) FROM done)::int AS replayed,
      (SELECT count(*) FILTER (WHERE without) FROM seen)::int AS without`);
  const { matched, replayed, without: withoutPayload } = rows[0] as (typeof rows)[number];
  const result = { dryRun, matched, replayed, withoutPayload, busy: matched - replayed - withoutPayload };
  if (!dryRun) {
    await appendAudit(tx, {
      ...{ actor: actor.id, role: actor.role, action: 'webhook.replay-all', subject: 'webhook:all', reason },
      details: { ...filter, matched, replayed, withoutPayload },
    });
  }
  return result;
}

function conditionOf({ state, code, type, objectId, waiting }: EventFilter): SQL {
  const open = state === undefined && waiting === undefined ? isOpen : sql`true`;
  const wait = waiting === undefined ? sql`true` : waiting ? isWaiting : sql`NOT ${isWaiting}`;
  return sql`${open} AND ${wait} AND ${equals('state', state)} AND ${equals('code', code)} AND ${equals('type', type)}
    AND ${equals('object_id', objectId)}`;
}

const equals = (column: string, value: string | undefined): SQL =>
  value === undefined ? sql`true` : sql`${sql.identifier(column)} = ${value}`;

async function purgeSettled(
  database: Database,
  { olderThan, dryRun, reason }: { olderThan: string; dryRun: boolean; reason: string },
  actor: Actor,
): Promise<EventPurge> {
  const hours = parseAgeHours(olderThan);
  const until = Date.now() + purgeBudgetMs;
  const old = sql`state IN ('applied', 'ignored') AND settled_at < now() - ${hours} * interval '1 hour'`;
  if (dryRun) {
    const { rows } = await withDatabaseErrors(
      database.execute<{ n: number }>(sql`SELECT count(*)::int AS n FROM drover.inbox WHERE ${old}`),
    );
    return { dryRun, complete: true, events: rows[0]?.n ?? 0 };
  }
  await createAuditLog(database).append({
    ...{ actor: actor.id, role: actor.role, action: 'webhook.purge', subject: 'webhook:all', reason },
    details: { olderThan },
  });
  // Along the order of arrival, a batch a transaction, so that no lock is held long.
  for (let events = 0, after: string | null = '0'; ; ) {
    const { rows }: { rows: { n: number; last: string | null }[] } = await withDatabaseErrors(
      database.execute<{ n: number; last: string | null }>(sql`
        WITH page AS MATERIALIZED (
          SELECT seq FROM drover.inbox WHERE seq > ${after}::bigint AND ${old} ORDER BY seq LIMIT ${purgeBatch}
        ), gone AS (DELETE FROM drover.inbox i USING page p WHERE i.seq = p.seq AND i.state IN ('applied', 'ignored') RETURNING 1)
        SELECT (SELECT count(*) FROM gone)::int AS n, (SELECT max(seq)::text FROM page) AS last`),
    );
    events += rows[0]?.n ?? 0;
    after = rows[0]?.last ?? null;
    if (after === null) return { dryRun, complete: true, events };
    if (Date.now() > until) return { dryRun, complete: false, events };
  }
}
