import type pg from 'pg';
import { type Queryable, queryPrepared, type Row, transaction } from '../../../db/sql.ts';
import type { DuplicateRow } from '../../contract/records.ts';
import { emailKeySql, identifier, literal, qualified } from '../../plan/sql.ts';
import { bisect } from '../stages/batching.ts';
import type { TargetTable } from '../validation/types.ts';

/** A table that may hold a row of the entity twice. */
export interface DuplicateTable extends TargetTable {
  /** Columns that two duplicates agree in: the plan's, without write timestamps. */
  readonly columns: readonly string[];
  /** Write timestamps: they differ between two rows of the same content. */
  readonly stamps: readonly string[];
  readonly naturalKey: readonly string[];
  /** Columns of the natural key that hold addresses; they are compared by their key, in any spelling. */
  readonly emailColumns: readonly string[];
  /** Columns of the plan that hold ids of these rows, with or without a foreign key. */
  readonly pointers: readonly { readonly table: string; readonly column: string }[];
}

export type RemovedDuplicates = { readonly removed: readonly DuplicateRow[]; readonly left: readonly DuplicateRow[] };

// Rows per transaction: a long one would keep locks on rows that applications need.
const chunkSize = 5_000;

export type DuplicateStore = ReturnType<typeof createDuplicateStore>;

/** Duplicate rows in the target's database: rows of no record that repeat the row of a record. Throws DroverError. */
export function createDuplicateStore(pool: pg.Pool) {
  return {
    async find(wanted: DuplicateTable): Promise<readonly DuplicateRow[]> {
      const place = await withExistingColumns(pool, wanted);
      return place ? queryDuplicates(pool, place, await readReferencingColumns(pool, place)) : [];
    },
    /** Removes those without a refusal, as changes of the run, so that its rollback puts them back. */
    async remove(wanted: DuplicateTable, runId: string): Promise<RemovedDuplicates> {
      const place = await withExistingColumns(pool, wanted);
      if (!place) return { removed: [], left: [] };
      const pointers = await readReferencingColumns(pool, place);
      const found = await queryDuplicates(pool, place, pointers);
      const removed: DuplicateRow[] = [];
      const left: DuplicateRow[] = found.filter(({ refusal }) => refusal !== null);
      const removable = found.filter(({ refusal }) => refusal === null);
      for (let at = 0; at < removable.length; at += chunkSize) {
        const done = await removeBatch(pool, { place, pointers, runId }, removable.slice(at, at + chunkSize));
        removed.push(...done.removed);
        left.push(...done.left);
      }
      return { removed, left };
    },
  };
}

const columnsSql = `
SELECT table_name AS table, column_name AS column FROM information_schema.columns WHERE table_schema = $1 AND table_name = ANY ($2)`;

/** The place with the columns that exist; undefined when its table does not. */
async function withExistingColumns(client: Queryable, place: DuplicateTable): Promise<DuplicateTable | undefined> {
  const tables = [place.table, ...place.pointers.map(({ table }) => table)];
  const rows = await queryPrepared<{ table: string; column: string }>(client, undefined, columnsSql, [
    place.schema,
    tables,
  ]);
  const has = (table: string, column: string): boolean =>
    rows.some((row) => row.table === table && row.column === column);
  const own = (columns: readonly string[]): string[] => columns.filter((column) => has(place.table, column));
  if (!has(place.table, 'id')) return undefined;
  return {
    ...place,
    columns: own(place.columns),
    stamps: own(place.stamps),
    pointers: place.pointers.filter(({ table, column }) => has(table, column)),
  };
}

async function readReferencingColumns(client: Queryable, place: DuplicateTable): Promise<ReferencingColumn[]> {
  const keys = await queryPrepared<{ child: string; name: string; matches: string }>(
    client,
    undefined,
    foreignKeysSql,
    [qualified(place.schema, place.table)],
  );
  return [...keys, ...place.pointers.map((pointer) => referenceWithoutKey(place, pointer))];
}

function queryDuplicates(
  client: Queryable,
  place: DuplicateTable,
  pointers: readonly ReferencingColumn[],
  ids: readonly string[] | null = null,
): Promise<DuplicateRow[]> {
  const values = [place.scope, place.entity, ids];
  return queryPrepared<DuplicateRow & Row>(client, undefined, pickDuplicatesSql(place, pointers), values);
}

interface Removal {
  readonly place: DuplicateTable;
  readonly pointers: readonly ReferencingColumn[];
  readonly runId: string;
}

/** Removes in one transaction; where PostgreSQL refuses it, in halves, until each refused row is alone. */
async function removeBatch(pool: pg.Pool, removal: Removal, rows: readonly DuplicateRow[]): Promise<RemovedDuplicates> {
  const outcomes = await bisect<DuplicateRow, { readonly row: DuplicateRow; readonly isRemoved: boolean }>(
    rows,
    async (some) => {
      const { removed, left } = await transaction(pool, (client) => removeLocked(client, removal, some));
      return [...removed.map((row) => ({ row, isRemoved: true })), ...left.map((row) => ({ row, isRemoved: false }))];
    },
    (row, { message }) => ({ row: { ...row, refusal: message }, isRemoved: false }),
    // An unreachable database is not a refusal; every other error is one of a constraint or trigger.
    ({ code }) => !code.startsWith('DATABASE_'),
  );
  const rowsOf = (isRemoved: boolean) => outcomes.filter((one) => one.isRemoved === isRemoved).map(({ row }) => row);
  return { removed: rowsOf(true), left: rowsOf(false) };
}

// On conflict: the row was inserted again by hand after an earlier removal; a rollback puts the last content back.
const removeSql = (place: DuplicateTable): string => `
WITH gone AS (DELETE FROM ${qualified(place.schema, place.table)} d WHERE d.id = ANY ($1::uuid[]) RETURNING d.id, to_jsonb(d.*) AS image)
INSERT INTO drover.changes (run_id, scope, entity, source_id, table_name, target_id, operation, before)
SELECT $2, $3, $4, '#double:' || id, $5, id::text, 'remove', image FROM gone
ON CONFLICT (run_id, entity, source_id) DO UPDATE SET before = excluded.before, at = now()
RETURNING target_id AS id`;

/** Queries again with the rows locked: they cannot be changed any more, nor referenced by a foreign key. */
async function removeLocked(
  client: pg.PoolClient,
  removal: Removal,
  rows: readonly DuplicateRow[],
): Promise<RemovedDuplicates> {
  const { place, pointers, runId } = removal;
  const ids = rows.map(({ targetId }) => targetId);
  const both = [...ids, ...rows.map(({ ofTargetId }) => ofTargetId)];
  const table = qualified(place.schema, place.table);
  await client.query('SET LOCAL statement_timeout = 0');
  await client.query(`SELECT 1 FROM ${table} WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`, [both]);
  const now = await queryDuplicates(client, place, pointers, ids);
  const allowed = now.filter(({ refusal }) => refusal === null);
  const values = [allowed.map(({ targetId }) => targetId), runId, place.scope, place.entity, place.table];
  const deleted = await queryPrepared<{ id: string }>(client, undefined, removeSql(place), values);
  const done = new Set(deleted.map(({ id }) => id));
  const kept = allowed.filter(({ targetId }) => !done.has(targetId));
  return {
    removed: allowed.filter(({ targetId }) => done.has(targetId)),
    left: [
      ...now.filter(({ refusal }) => refusal !== null),
      ...kept.map((row) => ({ ...row, refusal: 'a trigger of the table keeps it' })),
    ],
  };
}

/** A column that references the place's table: `c` is the referencing row, `d` the referenced one. */
interface ReferencingColumn {
  readonly child: string;
  readonly name: string;
  readonly matches: string;
}

/** Foreign keys that reference a table. $1 its name. */
const foreignKeysSql = `
SELECT format('%I.%I', n.nspname, c.relname) AS child, con.conname::text AS name,
  (SELECT string_agg(format('c.%I = d.%I', ca.attname, pa.attname), ' AND ') FROM unnest(con.conkey, con.confkey) AS k(child, parent)
    JOIN pg_attribute ca ON ca.attrelid = con.conrelid AND ca.attnum = k.child
    JOIN pg_attribute pa ON pa.attrelid = con.confrelid AND pa.attnum = k.parent)
  || CASE WHEN con.conrelid = con.confrelid THEN ' AND c.id <> d.id' ELSE '' END AS matches
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0 AND con.confrelid = to_regclass($1) ORDER BY 1, 2`;

/**
 * Every duplicate row and why it may not be removed. Proof is the natural key, or, where there is none, that the two rows
 * agree in every column of the table: an application may have written an equal row on purpose.
 * $1 scope, $2 entity, $3 ids of duplicate rows, or null for all.
 */
function pickDuplicatesSql(place: DuplicateTable, pointers: readonly ReferencingColumn[]): string {
  const table = qualified(place.schema, place.table);
  const image = (alias: string): string => [`to_jsonb(${alias}.*) - 'id'`, ...place.stamps.map(literal)].join(' - ');
  const held = pointers.map(
    ({ child, name, matches }) => `
  SELECT p.id, ${literal(`a row of ${child.replaceAll('"', '')} points at it (${name})`)} AS detail
  FROM pairs p JOIN ${table} d ON d.id = p.id WHERE EXISTS (SELECT 1 FROM ${child} c WHERE ${matches})`,
  );
  return `
WITH ${duplicatePairsSql(place)}, held AS (
  SELECT DISTINCT ON (id) * FROM (${held.join(' UNION ALL ') || 'SELECT NULL::uuid AS id, NULL::text AS detail WHERE false'}) h
  ORDER BY id, detail
)
SELECT ${literal(place.entity)} AS entity, ${literal(place.table)} AS table, p.id::text AS "targetId",
  p.source_id AS "sourceId", p.target_id AS "ofTargetId",
  CASE WHEN NOT p.same THEN 'it has the same natural key but differs in ' || (
      SELECT string_agg(c, ', ') FROM unnest(ARRAY[${place.columns.map(literal).join(', ')}]::text[]) AS c
      WHERE to_jsonb(d.*) -> c IS DISTINCT FROM to_jsonb(o.*) -> c)
    WHEN NOT p.keyed AND ${image('d')} IS DISTINCT FROM ${image('o')}
      THEN 'no natural key says that it is the same, and it differs in columns the plan does not know'
    WHEN EXISTS (SELECT 1 FROM drover.identities i WHERE i.target_id = p.id::text)
      THEN 'it belongs to a record of another plan or schema'
    ELSE held.detail END AS refusal
FROM pairs p JOIN ${table} d ON d.id = p.id JOIN ${table} o ON o.id = p.target_id::uuid LEFT JOIN held ON held.id = p.id
WHERE $3::uuid[] IS NULL OR p.id = ANY ($3::uuid[]) ORDER BY p.source_id, p.id`;
}

/** A column of the plan that holds ids of the place's rows, as if it had a foreign key. */
function referenceWithoutKey(
  place: DuplicateTable,
  { table, column }: DuplicateTable['pointers'][number],
): ReferencingColumn {
  const own = table === place.table ? ' AND c.id <> d.id' : '';
  return {
    child: qualified(place.schema, table),
    name: column,
    matches: `c.${identifier(column)}::text = d.id::text${own}`,
  };
}

/** A table with the columns that exist; optional columns of the plan may be missing. */
export type ExistingTable = Pick<DuplicateTable, 'schema' | 'table' | 'columns' | 'naturalKey' | 'emailColumns'>;

/**
 * `pairs`: rows of no record of the scope that repeat the row of a record, each once: `id` of the extra row, `source_id` and
 * `target_id` of the record; `same` when all columns of the plan agree, `keyed` when the natural key does. Unowned rows are
 * few or of other content, so comparing them as text costs one pass over the table. $1 scope, $2 entity.
 */
export function duplicatePairsSql(place: ExistingTable): string {
  const table = qualified(place.schema, place.table);
  const content = (alias: string): string => `ROW(${columnList(alias, place.columns)})::text`;
  const key = (alias: string): string => {
    const present = place.naturalKey.every((column) => place.columns.includes(column));
    if (place.naturalKey.length === 0 || !present) return 'NULL::text';
    const whole = place.naturalKey.map((column) => `${alias}.${identifier(column)} IS NOT NULL`).join(' AND ');
    const values = place.naturalKey.map((column) => {
      const value = `${alias}.${identifier(column)}`;
      return place.emailColumns.includes(column) ? emailKeySql(value) : value;
    });
    return `CASE WHEN ${whole} THEN ROW(${values.join(', ')})::text END`;
  };
  return `
owned AS (
  SELECT i.source_id, i.target_id, ${content('t')} AS content, ${key('t')} AS key
  FROM drover.identities i JOIN ${table} t ON t.id = i.target_id::uuid WHERE i.scope = $1 AND i.entity = $2 AND NOT i.merged
), unowned AS (
  SELECT t.id, ${content('t')} AS content, ${key('t')} AS key FROM ${table} t
  WHERE NOT EXISTS (SELECT 1 FROM drover.identities i WHERE i.scope = $1 AND i.target_id = t.id::text)
), matches AS (
  SELECT u.id, o.source_id, o.target_id, true AS same, coalesce(o.key = u.key, false) AS keyed
  FROM unowned u JOIN owned o ON o.content = u.content
  UNION ALL
  SELECT u.id, o.source_id, o.target_id, o.content = u.content, true FROM unowned u JOIN owned o ON o.key = u.key
), pairs AS (
  SELECT DISTINCT ON (id) * FROM matches ORDER BY id, same DESC, keyed DESC, source_id
)`;
}

function columnList(alias: string, columns: readonly string[]): string {
  return columns.map((name) => `${alias}.${identifier(name)}`).join(', ');
}
