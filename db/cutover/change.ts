import type pg from 'pg';
import type { Conflict } from '../../src/engine/cutover/contract.ts';
import { identifier } from '../../src/plan/sql.ts';
import type { CarryTarget } from './carry-target.ts';

/** A recorded change. Its values stay in the database: they may be personal, and numbers lose digits in JavaScript. */
export interface Change {
  readonly id: string;
  readonly table: string;
  readonly operation: string;
  readonly transaction: string;
  /** A TRUNCATE of which nobody saw the rows. */
  readonly unknown: boolean;
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
  const { at, key, changed, differing } = standing;
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
        THEN c.old -> k IS DISTINCT FROM c.new -> k ELSE to_jsonb(t.*) -> k IS DISTINCT FROM b.image -> k END) AS changed,
      ARRAY(SELECT k FROM unnest($3::text[]) k WHERE t.ctid IS NOT NULL AND c.old IS NOT NULL AND c.old ? k
        AND to_jsonb(t.*) -> k IS DISTINCT FROM c.old -> k AND (c.new IS NULL OR c.old -> k IS DISTINCT FROM c.new -> k)) AS differing
    FROM drover.cutover_changes c CROSS JOIN LATERAL (SELECT ${base} AS image) b
    CROSS JOIN LATERAL jsonb_populate_record(NULL::${target.sql}, b.image) r
    LEFT JOIN LATERAL (SELECT t.*, t.ctid FROM ${target.sql} t WHERE ${same.join(' AND ')} LIMIT 1) t ON true
    WHERE c.id = $1`;
  const { rows } = await client.query<Standing>(text, [change.id, target.keyed ? target.key : [], target.columns]);
  return rows[0] ?? { at: null, key: '', changed: [], differing: [] };
}

async function insertRow(client: pg.PoolClient, target: CarryTarget, change: Change): Promise<void> {
  const columns = target.columns.map(identifier);
  await client.query(
    `INSERT INTO ${target.sql} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE
     SELECT ${columns.map((column) => `r.${column}`).join(', ')}
     FROM drover.cutover_changes c, jsonb_populate_record(NULL::${target.sql}, c.new) r WHERE c.id = $1`,
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
  const columns = target.columns
    .filter((column) => changed.includes(column) && !target.fixed.has(column))
    .map(identifier);
  if (columns.length === 0) return;
  await client.query(
    `UPDATE ${target.sql} t SET ${columns.map((column) => `${column} = r.${column}`).join(', ')}
     FROM drover.cutover_changes c, jsonb_populate_record(NULL::${target.sql}, c.new) r WHERE c.id = $1 AND t.ctid = $2`,
    [change.id, at],
  );
}
