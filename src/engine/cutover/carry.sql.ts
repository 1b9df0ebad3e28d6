import type pg from 'pg';
import type { Conflict, Exchange } from '../../contract/cutover.ts';
import {
  applyChange,
  type Change,
  canCarryAsSet,
  carrySet,
  keysChanged,
  readKey,
  type SetCarry,
} from './carry-change.sql.ts';
import { type ChangedKeys, inOrderMade, readChangedKeys } from './carry-order.sql.ts';
import { copyParents } from './carry-parents.sql.ts';
import { type CarryTarget, parentsFirst, readTarget } from './carry-target.sql.ts';
import { displayName } from './names.ts';
import { noteCarried } from './records.sql.ts';
import type { Carried, CarriedPage, RollbackKey } from './types.ts';

type Targets = ReadonlyMap<string, CarryTarget>;

// A page is one transaction before the locks, so it bounds how much is lost to a failure and how long it takes.
const pageSize = 2000;

/**
 * Carries what has not been carried yet into the backup (`incoming`), under the locks and inside the client's transaction.
 * Passes before it have been through everything else.
 */
export async function carryAll(client: pg.PoolClient, rollback: RollbackKey): Promise<Carried> {
  const conflicts: Conflict[] = [];
  let carried = 0;
  for (;;) {
    const page = await carryPage(client, rollback, 'fresh');
    carried += page.carried;
    conflicts.push(...page.conflicts);
    if (page.carried + page.conflicts.length === 0) return { carried, conflicts };
  }
}

/**
 * One page of changes, oldest first. Nothing done means nothing waits. What could not be carried is written into the record
 * of the rollback in the same transaction: a change is carried, or a line names it, whatever happens to this process.
 */
export async function carryPage(client: pg.PoolClient, rollback: RollbackKey, from: string): Promise<CarriedPage> {
  const { tables } = rollback;
  const stamp = rollback.ofStamp ?? '';
  const { page, rest } = await waitingChanges(client, stamp, tables, from);
  const changes = [...page, ...rest].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
  if (changes.length === 0) return { carried: 0, conflicts: [], last: from };
  const targets = new Map<string, CarryTarget>();
  for (const exchange of await parentsFirst(client, tables))
    targets.set(displayName(exchange.live), await readTarget(client, exchange));
  for (const target of targets.values()) await target.disableTriggers();
  await client.query('SET CONSTRAINTS ALL DEFERRED');
  const done =
    (await carryAsSets(client, changes, targets)) ?? (await carryWithParents(client, changes, targets, rollback));
  for (const target of targets.values()) await target.enableTriggers();
  await client.query(
    `UPDATE drover.cutover_changes SET carried_into = carried_into || $1::text WHERE id = ANY ($2::bigint[])`,
    [stamp, changes.map((change) => change.id)],
  );
  await noteCarried(client, rollback.stamp, done);
  return { ...done, last: page.at(-1)?.id ?? from };
}

/** Again with the rows it points at brought along, and then row by row. */
async function carryWithParents(
  client: pg.PoolClient,
  changes: readonly Change[],
  targets: Targets,
  rollback: RollbackKey,
): Promise<Carried> {
  const ids = changes.map((change) => change.id);
  const brought = await copyParents(client, rollback, ids);
  const done =
    (brought.length > 0 && (await carryAsSets(client, changes, targets))) ||
    (await carryRowByRow(client, changes, targets));
  return { ...done, conflicts: [...brought, ...done.conflicts] };
}

/** Row by row, each transaction whole where that is possible. */
async function carryRowByRow(client: pg.PoolClient, changes: readonly Change[], targets: Targets): Promise<Carried> {
  const conflicts: Conflict[] = [];
  let carried = 0;
  const keys = new Map<string, ChangedKeys>();
  for (const [table, target] of targets) {
    const ids = changes.filter((change) => change.table === table && !change.unknown).map((change) => change.id);
    if (target.keyed && ids.length > 0)
      for (const [id, one] of await readChangedKeys(client, target, ids)) keys.set(id, one);
  }
  for (const recorded of byTransaction(changes)) {
    const group = inOrderMade(recorded, keys);
    if (await tryApply(client, group, targets, conflicts)) carried += group.length;
    else for (const change of group) if (await tryApply(client, [change], targets, conflicts, true)) carried += 1;
  }
  return { carried, conflicts };
}

/** The page at once, or undefined where that is not possible; nothing is written then. */
async function carryAsSets(
  client: pg.PoolClient,
  changes: readonly Change[],
  targets: Targets,
): Promise<Carried | undefined> {
  await client.query('SAVEPOINT page');
  try {
    const sets: SetCarry[] = [];
    for (const [table, target] of targets) {
      const own = changes.filter((change) => change.table === table);
      if (own.length === 0) continue;
      const ids = own.map((change) => change.id);
      if (!canCarryAsSet(target, own) || (await keysChanged(client, target, ids))) return undefined;
      sets.push(carrySet(client, target, table, ids));
    }
    const conflicts: Conflict[] = [];
    for (const set of sets) conflicts.push(...(await set.findConflicts()));
    for (const set of sets) await set.write();
    for (const set of [...sets].reverse()) await set.remove();
    await client.query('SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE SAVEPOINT page');
    return { carried: changes.length, conflicts };
  } catch (error) {
    if (!(error as { code?: string }).code) throw error;
    await client.query('ROLLBACK TO SAVEPOINT page; RELEASE SAVEPOINT page');
    return undefined;
  }
}

const waitingWhere = `(schema_name, table_name) IN (SELECT * FROM unnest($2::text[], $3::text[])) AND stamp >= $1
  AND NOT ($1 = ANY (carried_into))`;

function waitingParameters(stamp: string, tables: readonly Exchange[]): unknown[] {
  return [stamp, tables.map(({ live }) => live.schema), tables.map(({ live }) => live.name)];
}

export async function countWaiting(client: pg.Pool, stamp: string, tables: readonly Exchange[]): Promise<number> {
  const text = `SELECT count(*) AS n FROM drover.cutover_changes WHERE ${waitingWhere}`;
  return Number((await client.query<{ n: string }>(text, waitingParameters(stamp, tables))).rows[0]?.n);
}

// From an id on, so that a page does not wade through those before it; what was still uncommitted then is found `fresh`.
async function waitingChanges(
  client: pg.PoolClient,
  stamp: string,
  tables: readonly Exchange[],
  from: string,
): Promise<{ readonly page: readonly Change[]; readonly rest: readonly Change[] }> {
  const part = from === 'fresh' ? "AND carried_into = '{}'" : 'AND id > $4';
  const values = [...waitingParameters(stamp, tables), ...(from === 'fresh' ? [] : [from])];
  // By the column and not by the text beside it, which has its name: 10 comes after 9.
  const text = `SELECT ${changeColumns} FROM drover.cutover_changes c WHERE ${waitingWhere} ${part} ORDER BY c.id LIMIT ${pageSize}`;
  const page = (await client.query<Change>(text, values)).rows;
  // All that waits was seen at one moment then.
  const whole = page.length < pageSize && (from === 'fresh' || from === '0');
  return { page, rest: whole ? [] : await restOfTransactions(client, stamp, tables, page) };
}

const changeColumns = `c.id::text, schema_name || '.' || table_name AS table, operation,
  coalesce(transaction_id::text, c.xmin::text) AS transaction, operation = 'TRUNCATE' AND old IS NULL AS unknown,
  old_at AS "oldAt", new_at AS "newAt"`;

/**
 * What a transaction of the page wrote beyond it, however much that is: only the whole of a transaction tells in which order it
 * changed a row, and a TRUNCATE may have taken a parent's rows before those that point at them. All of it became visible at
 * once, and no other session wrote to its rows before, so nothing that came between is overtaken.
 */
async function restOfTransactions(
  client: pg.PoolClient,
  stamp: string,
  tables: readonly Exchange[],
  page: readonly Change[],
): Promise<Change[]> {
  const text = `SELECT ${changeColumns} FROM drover.cutover_changes c WHERE ${waitingWhere}
    AND c.id <> ALL ($4::bigint[]) AND c.transaction_id = ANY ($5::bigint[]) ORDER BY c.id`;
  const transactions = [...new Set(page.map(({ transaction }) => transaction))];
  const values = [...waitingParameters(stamp, tables), page.map(({ id }) => id), transactions];
  return (await client.query<Change>(text, values)).rows;
}

/**
 * What one transaction wrote, together, since only its end was consistent; in the order of their ends. A change waits
 * for the row lock of the one before it, so changes of one row are in order whatever else ran beside them.
 */
function byTransaction(changes: readonly Change[]): Change[][] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const group = groups.get(change.transaction) ?? [];
    groups.delete(change.transaction);
    groups.set(change.transaction, [...group, change]);
  }
  return [...groups.values()];
}

/** Applies the group or none of it. `last` makes a failure a conflict; otherwise the caller tries smaller parts. */
async function tryApply(
  client: pg.PoolClient,
  group: readonly Change[],
  targets: Targets,
  conflicts: Conflict[],
  last = false,
): Promise<boolean> {
  const notes: Conflict[] = [];
  await client.query('SAVEPOINT carry');
  try {
    for (const change of group) {
      const target = targets.get(change.table);
      if (target) notes.push(...(await applyChange(client, target, change)));
    }
    await client.query('SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE SAVEPOINT carry');
    conflicts.push(...notes);
    return true;
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT carry; RELEASE SAVEPOINT carry');
    const { code = '', constraint, message } = error as { code?: string; constraint?: string; message: string };
    if (!code) throw error;
    const detail = `${group[0]?.operation} not carried: ${constraint ? `${constraint} of the restored table refuses it` : message}`;
    const target = last && group[0] && targets.get(group[0].table);
    if (target && group[0])
      conflicts.push({ table: group[0].table, key: await readKey(client, target, group[0]), detail });
    return false;
  }
}
