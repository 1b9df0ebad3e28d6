import type pg from 'pg';
import { identifier } from '../../plan/sql.ts';
import type { Change } from './carry-change.sql.ts';
import { type CarryTarget, rowSql } from './carry-target.sql.ts';

/** Which key a change found and which it left: equal numbers are equal keys of one table. */
export interface ChangedKeys {
  readonly from: string | null;
  readonly to: string | null;
}

/** By id of the change. */
export async function readChangedKeys(
  client: pg.PoolClient,
  target: CarryTarget,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ChangedKeys>> {
  const keys = target.key.map((_, at) => `k${at}`).join(', ');
  const typed = target.key.map((column, at) => `r.${identifier(column)} AS k${at}`).join(', ');
  const side = (image: string) => `SELECT c.id, '${image}' AS side, ${typed} FROM drover.cutover_changes c
    CROSS JOIN LATERAL ${rowSql(target, `c.${image}`, 'c.as_text')} r WHERE c.id = ANY ($1::bigint[]) AND c.${image} IS NOT NULL`;
  const text = `SELECT id, max(n) FILTER (WHERE side = 'old') AS from, max(n) FILTER (WHERE side = 'new') AS to FROM (
    SELECT id, side, dense_rank() OVER (ORDER BY ${keys}) AS n FROM (${side('old')} UNION ALL ${side('new')}) s) k GROUP BY id`;
  const { rows } = await client.query<{ id: string } & ChangedKeys>(text, [ids]);
  return new Map(rows.map(({ id, from, to }) => [id, { from, to }]));
}

/**
 * The changes of one transaction in the order they were made. They are recorded in another where a trigger changes further
 * rows of its own statement: what it does is recorded before the changes of the statement that fired it. Of one row, a
 * version follows the one it replaced; and a key is taken only after the row that had it has let it go.
 */
export function inOrderMade(group: readonly Change[], keys: ReadonlyMap<string, ChangedKeys>): Change[] {
  const madeBy = new Map<string, Change>();
  const replacedBy = new Map<string, Change>();
  const leaving = new Map<string, Change[]>();
  for (const change of group) {
    if (change.newAt !== null) madeBy.set(`${change.table} ${change.newAt}`, change);
    if (change.oldAt !== null) replacedBy.set(`${change.table} ${change.oldAt}`, change);
    const { from = null, to = null } = keys.get(change.id) ?? {};
    if (from !== null && from !== to) {
      const at = `${change.table} ${from}`;
      leaving.set(at, [...(leaving.get(at) ?? []), change]);
    }
  }
  const firstOf = new Map<Change, Change>();
  const lastOf = new Map<Change, Change>();
  for (const change of group) {
    if (change.oldAt !== null && madeBy.has(`${change.table} ${change.oldAt}`)) continue;
    const versions = new Set<Change>();
    for (let at: Change | undefined = change; at && !versions.has(at); ) {
      versions.add(at);
      at = at.newAt === null ? undefined : replacedBy.get(`${at.table} ${at.newAt}`);
    }
    const last = [...versions].at(-1) ?? change;
    for (const one of versions) firstOf.set(one, change);
    for (const one of versions) lastOf.set(one, last);
  }
  const ordered: Change[] = [];
  const seen = new Set<Change>();
  const visit = (change: Change): void => {
    if (seen.has(change)) return;
    seen.add(change);
    const before = change.oldAt === null ? undefined : madeBy.get(`${change.table} ${change.oldAt}`);
    if (before) visit(before);
    const { from = null, to = null } = keys.get(change.id) ?? {};
    if (to !== null && to !== from)
      // A row that was there before the transaction, or one that is still there after it.
      for (const other of leaving.get(`${change.table} ${to}`) ?? [])
        if (
          firstOf.get(other) !== firstOf.get(change) &&
          (firstOf.get(other)?.oldAt !== null || lastOf.get(change)?.newAt !== null)
        )
          visit(other);
    ordered.push(change);
  };
  for (const change of group) visit(change);
  return ordered;
}
