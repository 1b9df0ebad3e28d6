import type pg from 'pg';
import type { Conflict } from '../../contract/cutover.ts';
import { identifier, literal as text } from '../../plan/sql.ts';
import { type CarryTarget, imageSql, rowSql } from './carry-target.sql.ts';

/**
 * The changes of one table in a page as sets: what each row was at first and is at last. Some thirty times faster than
 * row by row, and needed for it: under 200 writing clients the slow way never catches up. It throws where sets cannot
 * say it (a key that changed, a table without one, a constraint that refuses a row), and the caller goes row by row.
 */
export interface SetCarry {
  /** Rows the restored table holds otherwise than the change found them. Asked before anything is written. */
  findConflicts(): Promise<Conflict[]>;
  remove(): Promise<void>;
  write(): Promise<void>;
}

export function carrySet(client: pg.PoolClient, target: CarryTarget, table: string, ids: readonly string[]): SetCarry {
  const keys = target.key.map(identifier);
  const columns = target.columns.map(identifier);
  const net = netChangesSql(target);
  const same = keys.map((key) => `t.${key} = n.${key}`).join(' AND ');
  const run = async <T extends Record<string, unknown>>(text: string) => (await client.query<T>(text, [ids])).rows;
  const changed = (column: string) =>
    `(net_old IS NULL OR net_old -> ${text(column)} IS DISTINCT FROM net_new -> ${text(column)})`;
  return {
    findConflicts: () =>
      run<{ key: string; detail: string }>(notesSql(target, net, same)).then((rows) =>
        rows.map((row) => ({ table, ...row })),
      ),
    remove: async () =>
      void (await run(`${net} DELETE FROM ${target.sql} t USING n WHERE ${same} AND net_new IS NULL`)),
    write: async () => {
      const set = target.columns.map(
        (column) =>
          `${identifier(column)} = CASE WHEN ${changed(column)} THEN n.${identifier(column)} ELSE t.${identifier(column)} END`,
      );
      if (set.length > 0)
        await run(`${net} UPDATE ${target.sql} t SET ${set.join(', ')} FROM n WHERE ${same} AND net_new IS NOT NULL`);
      await run(`${net} INSERT INTO ${target.sql} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${columns.map((column) => `n.${column}`).join(', ')}
        FROM n WHERE net_new IS NOT NULL AND NOT EXISTS (SELECT FROM ${target.sql} t WHERE ${same})`);
    },
  };
}

/**
 * `n`: one row a key, its columns as they are at last (a deleted row: as they were), and both images as JSON.
 *
 * Within a transaction the order of recording is not the order of the changes: of a statement that changes many rows, an
 * AFTER trigger of the first may change the second, which is recorded before the statement's own change of it. So the first
 * image of a transaction is of the row version that none of its changes made, and the last of the one that none replaced.
 * Keys are compared as values of their types: of an equality that is not that of the text, JSON knows nothing.
 */
function netChangesSql(target: CarryTarget): string {
  const keys = target.key.map((_, at) => `k${at}`).join(', ');
  const typed = target.key.map((column, at) => `r.${identifier(column)} AS k${at}`).join(', ');
  const named = target.key.map((column) => `img -> ${text(column)}`).join(', ');
  return `WITH c AS (
    SELECT id, old, new, coalesce(new, old) AS img, as_text, transaction_id, old_at, new_at
    FROM drover.cutover_changes WHERE id = ANY ($1::bigint[])
  ), l AS (
    SELECT c.*, ${typed}, p.id IS NULL AS first, s.id IS NULL AS last FROM c CROSS JOIN LATERAL ${rowSql(target, 'c.img', 'c.as_text')} r
    LEFT JOIN c p ON p.transaction_id = c.transaction_id AND p.new_at = c.old_at
    LEFT JOIN c s ON s.transaction_id = c.transaction_id AND s.old_at = c.new_at
  ), x AS (
    SELECT ${keys}, max(id) AS ended, (array_agg(old ORDER BY id) FILTER (WHERE first AND old IS NOT NULL))[1] AS was,
      (array_agg(new ORDER BY id DESC) FILTER (WHERE last AND new IS NOT NULL))[1] AS made,
      (array_agg(img ORDER BY id DESC))[1] AS seen, (array_agg(as_text))[1] AS as_text
    FROM l GROUP BY coalesce(transaction_id, -id), ${keys}
  ), f AS (
    SELECT DISTINCT ON (${keys}) first_value(was) OVER w AS net_old, last_value(made) OVER w AS net_new,
      last_value(coalesce(made, seen)) OVER w AS img, last_value(as_text) OVER w AS net_text
    FROM x WINDOW w AS (PARTITION BY ${keys} ORDER BY ended ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
  ), n AS (
    SELECT r.*, jsonb_build_array(${named}) AS net_key, f.net_old, f.net_new, f.net_text
    FROM f CROSS JOIN LATERAL ${rowSql(target, 'f.img', 'f.net_text')} r)`;
}

function notesSql(target: CarryTarget, net: string, same: string): string {
  const list = `ARRAY[${target.columns.map(text).join(', ')}]::text[]`;
  return `${net}, d AS (
    SELECT net_key, net_old, net_new, x.row AS standing, ARRAY(SELECT c FROM unnest(${list}) c WHERE x.row IS NOT NULL
      AND x.row -> c IS DISTINCT FROM coalesce(net_old, net_new) -> c
      AND (net_old IS NULL OR net_new IS NULL OR net_old -> c IS DISTINCT FROM net_new -> c)) AS differing
    FROM n LEFT JOIN LATERAL (SELECT ${imageSql(target, 't', 'n.net_text')} AS row FROM ${target.sql} t WHERE ${same}) x ON true)
  SELECT (SELECT string_agg(v, ', ') FROM jsonb_array_elements_text(net_key) v) AS key,
    CASE WHEN standing IS NULL THEN 'changed since, but not in the backup: inserted as it is now'
      WHEN net_new IS NULL THEN 'deleted, though the backup held another ' || array_to_string(differing, ', ')
      ELSE 'written since, over another ' || array_to_string(differing, ', ') || ' of the backup' END AS detail
  FROM d WHERE cardinality(differing) > 0 OR (standing IS NULL AND net_old IS NOT NULL AND net_new IS NOT NULL)`;
}

/** True where a page of a table can be carried as a set. */
export function canCarryAsSet(target: CarryTarget, changes: readonly Pick<Change, 'unknown'>[]): boolean {
  return target.keyed && !changes.some(({ unknown }) => unknown);
}

/** A key that an update changed: such a page goes row by row. */
export async function keysChanged(
  client: pg.PoolClient,
  target: CarryTarget,
  ids: readonly string[],
): Promise<boolean> {
  const differs = target.key
    .map((column) => `old -> ${text(column)} IS DISTINCT FROM new -> ${text(column)}`)
    .join(' OR ');
  const sql = `SELECT FROM drover.cutover_changes WHERE id = ANY ($1::bigint[]) AND operation = 'UPDATE' AND (${differs}) LIMIT 1`;
  return (await client.query(sql, [ids])).rowCount !== 0;
}

/** A recorded change. Its values stay in the database: they may be personal, and numbers lose digits in JavaScript. */
export interface Change {
  readonly id: string;
  readonly table: string;
  readonly operation: string;
  readonly transaction: string;
  /** A TRUNCATE whose rows were not recorded. */
  readonly unknown: boolean;
  /** The row version it replaced, and the one it made; null where there is none. */
  readonly oldAt: string | null;
  readonly newAt: string | null;
}

interface Standing {
  /** Where the row of the same key is, or null. */
  readonly at: string | null;
  readonly key: string;
  /** Columns the change changed, and those of them that the restored row holds otherwise than the change found them. */
  readonly changed: readonly string[];
  readonly differing: readonly string[];
}

/** Applies one change to the restored table; what it met there that it did not expect comes back as conflicts. */
export async function applyChange(client: pg.PoolClient, target: CarryTarget, change: Change): Promise<Conflict[]> {
  const note = (key: string, detail: string): Conflict[] => [{ table: change.table, key, detail }];
  if (change.unknown)
    return note('', 'the table was emptied by TRUNCATE since, and its rows could not be seen: not carried back');
  const standing = await readStanding(client, target, change);
  const { key, changed, differing } = standing;
  // Equal rows of a table without a key are rows of their own.
  const at = change.operation === 'INSERT' && !target.keyed ? null : standing.at;
  if (change.operation === 'DELETE' || change.operation === 'TRUNCATE') {
    if (at !== null) await client.query(`DELETE FROM ${target.sql} WHERE ctid = $1`, [at]);
    return at !== null && differing.length > 0
      ? note(key, `deleted, though the backup held another ${differing.join(', ')}`)
      : [];
  }
  if (at === null) {
    await insertRow(client, target, change);
    return change.operation === 'UPDATE'
      ? note(key, 'changed since, but not in the backup: inserted as it is now')
      : [];
  }
  await updateRow(client, target, change, at, changed);
  const met = change.operation === 'INSERT' ? changed : differing;
  return met.length > 0 ? note(key, `written since, over another ${met.join(', ')} of the backup`) : [];
}

/** The row the change is about, as it stands in the restored table. */
async function readStanding(client: pg.PoolClient, target: CarryTarget, change: Change): Promise<Standing> {
  const same = target.key.map((column) => {
    const name = identifier(column);
    // Without a key the whole row is compared, as text: json has no equality.
    return target.keyed ? `t.${name} = r.${name}` : `t.${name}::text IS NOT DISTINCT FROM r.${name}::text`;
  });
  const base = change.operation === 'INSERT' ? 'c.new' : 'c.old';
  const text = `
    SELECT t.ctid::text AS at, (SELECT string_agg(coalesce(b.image ->> k, 'null'), ', ') FROM unnest($2::text[]) k) AS key,
      ARRAY(SELECT k FROM unnest($3::text[]) k WHERE CASE WHEN c.operation = 'UPDATE'
        THEN c.old -> k IS DISTINCT FROM c.new -> k ELSE t.image -> k IS DISTINCT FROM b.image -> k END) AS changed,
      ARRAY(SELECT k FROM unnest($3::text[]) k WHERE t.ctid IS NOT NULL AND c.old IS NOT NULL AND c.old ? k
        AND t.image -> k IS DISTINCT FROM c.old -> k
        AND t.image -> k IS DISTINCT FROM c.new -> k AND (c.new IS NULL OR c.old -> k IS DISTINCT FROM c.new -> k)) AS differing
    FROM drover.cutover_changes c CROSS JOIN LATERAL (SELECT ${base} AS image) b
    CROSS JOIN LATERAL ${rowSql(target, 'b.image', 'c.as_text')} r
    LEFT JOIN LATERAL (SELECT t.ctid, ${imageSql(target, 't', 'c.as_text')} AS image FROM ${target.sql} t
      WHERE ${same.join(' AND ')} LIMIT 1) t ON true
    WHERE c.id = $1`;
  const { rows } = await client.query<Standing>(text, [change.id, target.key, target.columns]);
  return rows[0] ?? { at: null, key: '', changed: [], differing: [] };
}

/** The key of a change's row as text; of a table without one, all its columns. */
export async function readKey(client: pg.PoolClient, target: CarryTarget, change: Change): Promise<string> {
  const text = `SELECT (SELECT string_agg(coalesce(coalesce(new, old) ->> k, 'null'), ', ') FROM unnest($2::text[]) k) AS key
    FROM drover.cutover_changes WHERE id = $1`;
  const { rows } = await client.query<{ key: string | null }>(text, [change.id, target.key]);
  return rows[0]?.key ?? '';
}

async function insertRow(client: pg.PoolClient, target: CarryTarget, change: Change): Promise<void> {
  const columns = target.columns.map(identifier);
  await client.query(
    `INSERT INTO ${target.sql} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT ${columns.map((column) => `r.${column}`).join(', ')}
     FROM drover.cutover_changes c, LATERAL ${rowSql(target, 'c.new', 'c.as_text')} r WHERE c.id = $1`,
    [change.id],
  );
}

/** Writes the columns that changed and no other: those may hold what JSON cannot say, and the backup's own values. */
async function updateRow(
  client: pg.PoolClient,
  target: CarryTarget,
  change: Change,
  at: string,
  changed: readonly string[],
): Promise<void> {
  const columns = target.columns.filter((column) => changed.includes(column)).map(identifier);
  if (columns.length === 0) return;
  await client.query(
    `UPDATE ${target.sql} t SET ${columns.map((column) => `${column} = r.${column}`).join(', ')}
     FROM drover.cutover_changes c, LATERAL ${rowSql(target, 'c.new', 'c.as_text')} r WHERE c.id = $1 AND t.ctid = $2`,
    [change.id, at],
  );
}
