import type pg from 'pg';
import type { DoubledRow } from '../../src/engine/mending/contract.ts';
import type { DuplicateStore, DuplicateTable, RemovedDuplicates } from '../../src/engine/mending/ports.ts';
import { DroverError } from '../../src/errors.ts';
import { qualified } from '../../src/plan/sql.ts';
import { prepared, type Queryable, type Row, transaction } from '../sql.ts';
import { foreignKeysSql, pickDuplicatesSql, type ReferencingColumn, referenceWithoutKey } from './judge.ts';

// One transaction each: a long one would keep locks on rows that applications want.
const chunkSize = 5_000;

/** Rows that are there twice, over the target's database. */
export function createDuplicateStore(pool: pg.Pool): DuplicateStore {
  return {
    async find(place) {
      const there = await withExistingColumns(pool, place);
      return there ? queryDuplicates(pool, there, await readReferencingColumns(pool, there)) : [];
    },
    async remove(place, runId) {
      const there = await withExistingColumns(pool, place);
      if (!there) return { removed: [], left: [] };
      const pointers = await readReferencingColumns(pool, there);
      const found = await queryDuplicates(pool, there, pointers);
      const removed: DoubledRow[] = [];
      const left: DoubledRow[] = found.filter(({ refusal }) => refusal !== null);
      const wanted = found.filter(({ refusal }) => refusal === null);
      for (let at = 0; at < wanted.length; at += chunkSize) {
        const done = await removeBatch(pool, { place: there, pointers, runId }, wanted.slice(at, at + chunkSize));
        removed.push(...done.removed);
        left.push(...done.left);
      }
      return { removed, left };
    },
  };
}

const columnsSql = `
SELECT table_name AS table, column_name AS column FROM information_schema.columns WHERE table_schema = $1 AND table_name = ANY ($2)`;

/** The place with the columns that are there; undefined where its table is not. */
async function withExistingColumns(client: Queryable, place: DuplicateTable): Promise<DuplicateTable | undefined> {
  const tables = [place.table, ...place.pointers.map(({ table }) => table)];
  const rows = await prepared<{ table: string; column: string }>(client, undefined, columnsSql, [place.schema, tables]);
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
  const keys = await prepared<{ child: string; name: string; matches: string }>(client, undefined, foreignKeysSql, [
    qualified(place.schema, place.table),
  ]);
  return [...keys, ...place.pointers.map((pointer) => referenceWithoutKey(place, pointer))];
}

function queryDuplicates(
  client: Queryable,
  place: DuplicateTable,
  pointers: readonly ReferencingColumn[],
  ids: readonly string[] | null = null,
): Promise<DoubledRow[]> {
  const values = [place.scope, place.entity, ids];
  return prepared<DoubledRow & Row>(client, undefined, pickDuplicatesSql(place, pointers), values);
}

interface Removal {
  readonly place: DuplicateTable;
  readonly pointers: readonly ReferencingColumn[];
  readonly runId: string;
}

/** One transaction; where PostgreSQL refuses it, halves, until the rows that are to blame stand alone. */
async function removeBatch(pool: pg.Pool, removal: Removal, rows: readonly DoubledRow[]): Promise<RemovedDuplicates> {
  try {
    return await transaction(pool, (client) => removeLocked(client, removal, rows));
  } catch (thrown) {
    // A database that does not answer says nothing of the rows; everything else is what it, or a trigger, has against them.
    if (!(thrown instanceof DroverError) || thrown.code.startsWith('DATABASE_')) throw thrown;
    if (rows.length === 1) return { removed: [], left: rows.map((row) => ({ ...row, refusal: thrown.message })) };
    const middle = Math.ceil(rows.length / 2);
    const halves = [
      await removeBatch(pool, removal, rows.slice(0, middle)),
      await removeBatch(pool, removal, rows.slice(middle)),
    ];
    return { removed: halves.flatMap(({ removed }) => removed), left: halves.flatMap(({ left }) => left) };
  }
}

// A second removal of a row that was put back by hand: what stood there last is what a rollback puts back.
const removeSql = (place: DuplicateTable): string => `
WITH gone AS (DELETE FROM ${qualified(place.schema, place.table)} d WHERE d.id = ANY ($1::uuid[]) RETURNING d.id, to_jsonb(d.*) AS image)
INSERT INTO drover.changes (run_id, scope, entity, source_id, table_name, target_id, operation, before)
SELECT $2, $3, $4, '#double:' || id, $5, id::text, 'remove', image FROM gone
ON CONFLICT (run_id, entity, source_id) DO UPDATE SET before = excluded.before, at = now()
RETURNING target_id AS id`;

/** Asked again with the rows locked: nobody can change them any more, nor point at them by a foreign key. */
async function removeLocked(
  client: pg.PoolClient,
  removal: Removal,
  rows: readonly DoubledRow[],
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
  const gone = await prepared<{ id: string }>(client, undefined, removeSql(place), values);
  const done = new Set(gone.map(({ id }) => id));
  const kept = allowed.filter(({ targetId }) => !done.has(targetId));
  return {
    removed: allowed.filter(({ targetId }) => done.has(targetId)),
    left: [
      ...now.filter(({ refusal }) => refusal !== null),
      ...kept.map((row) => ({ ...row, refusal: 'a trigger of the table keeps it' })),
    ],
  };
}
