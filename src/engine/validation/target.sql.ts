import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import { exponentOf } from '../../money.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { duplicatePairsSql, type ExistingTable } from '../repair/duplicates.sql.ts';
import type { MoneyColumns, RowViolation, TargetTable } from './types.ts';

/**
 * Joins the identity of a source id as `i`. $1 scope, $2 entity. OFFSET 0 forces one look-up per record: without
 * statistics the planner estimates a single row for scope and entity, reads the whole entity for each record and compares
 * (measured: 0.9 s for 500 records among 20,000).
 */
const joinIdentitySql = (sourceId: string): string => `LEFT JOIN LATERAL (
  SELECT * FROM drover.identities d WHERE d.scope = $1 AND d.entity = $2 AND d.source_id = ${sourceId} OFFSET 0
) i ON true`;

const columnsSql =
  'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';

const targetIdsSql = `
SELECT w.source_id, i.target_id FROM unnest($3::text[]) AS w(source_id) ${joinIdentitySql('w.source_id')}
WHERE i.target_id IS NOT NULL`;

export type ValidationTarget = ReturnType<typeof createValidationTarget>;

/**
 * What validation reads in the target's database. Rows belong to an entity when an identity of its scope points at them.
 * `records` of a page are JSON text, made by the control database and passed on as it is. Every method throws DroverError.
 */
export function createValidationTarget(pool: pg.Pool) {
  return {
    analyze: (schema: string, tables: readonly string[]) => analyzeTables(pool, schema, tables),
    dataVersion: (scope: string, schema: string, tables: readonly string[]) =>
      readDataVersion(pool, scope, schema, tables),
    /** Names of the table's columns; none when there is no such table. */
    columns: async (schema: string, table: string): Promise<ReadonlySet<string>> => {
      const rows = await queryPrepared<{ name: string }>(pool, undefined, columnsSql, [schema, table]);
      return new Set(rows.map((row) => row.name));
    },
    countOwned: (place: TargetTable) => countOwnedRows(pool, place),
    findMissing: (place: TargetTable, records: string) => findMissingRows(pool, place, records),
    findDuplicates: (
      place: TargetTable,
      columns: readonly string[],
      naturalKey: readonly string[],
      emailColumns: readonly string[],
    ) => findDuplicateRows(pool, { ...place, columns, naturalKey, emailColumns }),
    findDangling: (place: TargetTable, column: string, parentTable: string, nullable: boolean) =>
      findDanglingRows(pool, place, column, parentTable, nullable),
    findViolations: (place: TargetTable, condition: string) => findViolatingRows(pool, place, condition),
    sums: (place: TargetTable, money: MoneyColumns, records: string): Promise<readonly MoneySum[]> =>
      sumMoney(pool, place, money, records),
    findAmountDifferences: (place: TargetTable, money: MoneyColumns, records: string) =>
      findAmountDifferences(pool, place, money, records),
    /** Target ids by source id. */
    targetIds: async (
      scope: string,
      entity: string,
      sourceIds: readonly string[],
    ): Promise<ReadonlyMap<string, string>> => {
      const values = [scope, entity, sourceIds];
      const rows = await queryPrepared<{ source_id: string; target_id: string }>(pool, undefined, targetIdsSql, values);
      return new Map(rows.map((row) => [row.source_id, row.target_id]));
    },
  };
}

// Statements without a name: their text contains table names, and they run once per validation.
const queryViolations = (pool: pg.Pool, text: string, values: readonly unknown[]): Promise<RowViolation[]> =>
  queryPrepared<RowViolation & Record<string, unknown>>(pool, undefined, text, values);

const tableOf = (place: TargetTable): string => qualified(place.schema, place.table);

/** Rows of the scope, `t`, with their identity, `i`. $1 scope, $2 entity. */
const ownedRowsSql = (place: TargetTable): string =>
  `drover.identities i JOIN ${tableOf(place)} t ON t.id = i.target_id::uuid
WHERE i.scope = $1 AND i.entity = $2 AND NOT i.merged`;

async function countOwnedRows(pool: pg.Pool, place: TargetTable): Promise<number> {
  const text = `SELECT count(*)::int AS n FROM ${ownedRowsSql(place)}`;
  const rows = await queryPrepared<{ n: number }>(pool, undefined, text, [place.scope, place.entity]);
  return rows[0]?.n ?? 0;
}

/** Of the given records, those without an identity or whose identity points at no row. */
function findMissingRows(pool: pg.Pool, place: TargetTable, records: string): Promise<RowViolation[]> {
  const text = `
SELECT x.s AS "sourceId", coalesce(i.target_id, x.t) AS "targetId",
  CASE WHEN coalesce(i.target_id, x.t) IS NULL THEN 'has no identity in the target'
    ELSE 'its row is not in the target' END AS detail
FROM json_to_recordset($3::json) AS x(s text, t text) ${joinIdentitySql('x.s')}
LEFT JOIN ${tableOf(place)} t ON t.id = coalesce(i.target_id, x.t)::uuid
WHERE t.id IS NULL ORDER BY x.s`;
  return queryViolations(pool, text, [place.scope, place.entity, records]);
}

/** Records that share a row without being merged or have one natural key, and rows of no record that repeat the row of one. */
function findDuplicateRows(pool: pg.Pool, place: TargetTable & ExistingTable): Promise<RowViolation[]> {
  const text = `
WITH ${duplicatePairsSql(place)}
SELECT source_id AS "sourceId", target_id AS "targetId", 'its row is also that of ' || first AS detail
FROM (SELECT *, first_value(source_id) OVER (PARTITION BY target_id ORDER BY source_id) AS first FROM owned) o
WHERE source_id <> first
UNION ALL
SELECT source_id, target_id, 'the row ' || other_row || ' of ' || other || ' has the same natural key' FROM (
  SELECT *, first_value(source_id) OVER same_key AS other, first_value(target_id) OVER same_key AS other_row
  FROM owned WHERE key IS NOT NULL WINDOW same_key AS (PARTITION BY key ORDER BY source_id)
) o WHERE target_id <> other_row
UNION ALL
SELECT source_id, target_id, 'the row ' || id || CASE WHEN same THEN ' holds the same' ELSE ' has the same natural key' END
  || ' and belongs to no record'
FROM pairs
ORDER BY 1`;
  return queryViolations(pool, text, [place.scope, place.entity]);
}

/** Rows of the scope whose column points at no row of the parent, or is null although it must not be. */
function findDanglingRows(
  pool: pg.Pool,
  place: TargetTable,
  column: string,
  parentTable: string,
  nullable: boolean,
): Promise<RowViolation[]> {
  const value = `t.${identifier(column)}`;
  const text = `
SELECT i.source_id AS "sourceId", i.target_id AS "targetId",
  coalesce($3 || ' points at ' || ${value}::text || ', which does not exist', $3 || ' is empty') AS detail
FROM ${ownedRowsSql(place)} AND NOT EXISTS (SELECT 1 FROM ${qualified(place.schema, parentTable)} p WHERE p.id = ${value})
  ${nullable ? `AND ${value} IS NOT NULL` : ''}
ORDER BY i.source_id`;
  return queryViolations(pool, text, [place.scope, place.entity, column]);
}

/** Rows of the scope for which the condition is true. Throws TARGET_SCHEMA when the condition cannot be evaluated. */
function findViolatingRows(pool: pg.Pool, place: TargetTable, condition: string): Promise<RowViolation[]> {
  // The bracket on its own line: the condition may end in a comment.
  const text = `
SELECT i.source_id AS "sourceId", i.target_id AS "targetId", 'breaks the rule' AS detail
FROM ${ownedRowsSql(place)} AND (${condition}
) ORDER BY i.source_id`;
  return queryViolations(pool, text, [place.scope, place.entity]);
}

/** A sum of the target's rows, in minor units. */
export interface MoneySum extends Record<string, unknown> {
  readonly currency: string;
  readonly status: string;
  readonly minor: string;
}

// The records of a page with their rows. $1 scope, $2 entity, $3 records, $4 exponents where amounts are in major units.
const moneyRowsSql = (place: TargetTable, money: MoneyColumns): string => {
  const [amount, currency] = [`t.${identifier(money.amount)}`, `t.${identifier(money.currency)}`];
  const exponent = `coalesce(($4::json ->> ${currency}::text)::int, 2)`;
  const minor = money.minor ? amount : `${amount} * power(10::numeric, ${exponent})`;
  return `
WITH input AS (SELECT * FROM json_to_recordset($3::json) AS x(s text, t text, a numeric, c text, u text)),
found AS (
  SELECT input.*, coalesce(i.target_id, input.t) AS target_id, t.id, coalesce(${currency}::text, '') AS currency,
    coalesce(t.${identifier(money.status)}::text, '') AS status, trim_scale((${minor})::numeric) AS minor
  FROM input ${joinIdentitySql('input.s')} LEFT JOIN ${qualified(place.schema, place.table)} t ON t.id = coalesce(i.target_id, input.t)::uuid
)`;
};

/** Sums of a page by currency and status, in minor units; a fraction of a unit stays visible. */
async function sumMoney(pool: pg.Pool, place: TargetTable, money: MoneyColumns, records: string): Promise<MoneySum[]> {
  const text = `${moneyRowsSql(place, money)}
SELECT currency, status, trim_scale(coalesce(sum(minor), 0))::text AS minor FROM found WHERE id IS NOT NULL GROUP BY 1, 2`;
  return queryPrepared<MoneySum>(pool, undefined, text, valuesOf(place, money, records));
}

/** The records whose row is missing or holds another amount, currency or status than the source. */
async function findAmountDifferences(
  pool: pg.Pool,
  place: TargetTable,
  money: MoneyColumns,
  records: string,
): Promise<RowViolation[]> {
  const text = `${moneyRowsSql(place, money)}
SELECT s AS "sourceId", target_id AS "targetId", CASE WHEN id IS NULL THEN 'its row is not in the target'
  ELSE 'source ' || a || ' ' || c || ' ' || u || ', target ' || coalesce(minor::text, 'nothing') || ' ' || currency || ' '
    || status || ' (minor units)' END AS detail
FROM found WHERE id IS NULL OR minor IS DISTINCT FROM a OR currency <> c OR status <> u ORDER BY s`;
  return queryPrepared<RowViolation & Record<string, unknown>>(pool, undefined, text, valuesOf(place, money, records));
}

// PostgreSQL refuses a parameter that the statement does not use.
function valuesOf(place: TargetTable, money: MoneyColumns, records: string): unknown[] {
  return [place.scope, place.entity, records, ...(money.minor ? [] : [currencyExponents()])];
}

let exponentsJson: string | undefined;

/** The currencies that do not have two decimals. */
function currencyExponents(): string {
  exponentsJson ??= JSON.stringify(
    Object.fromEntries(
      Intl.supportedValuesOf('currency')
        .map((code) => [code, exponentOf(code)] as const)
        .filter(([, exponent]) => exponent !== 2),
    ),
  );
  return exponentsJson;
}

const newestChangeSql = 'SELECT coalesce(max(id), 0)::text AS id FROM drover.changes WHERE scope = $1';

/**
 * A version of the target's content: the newest change Drover made in the scope, and for each table its number of rows and
 * the sum of their `xmin`.
 *
 * It changes with every committed insert, update and delete in the tables, by any client: a new row version carries a
 * transaction id larger than all before it, so with the same number of rows the sum grows. Costs one pass over each table
 * (about 0.2 s per million rows) when a validation is made or read.
 *
 * Not detected: tables outside the plan and changes of the tables' definition. False alarm: a restored dump, where every
 * row is newly written, makes the validation `stale` although nothing differs. Transaction ids wrap after 4 billion; an
 * equal sum with other content is then too unlikely to matter.
 */
async function readDataVersion(
  pool: pg.Pool,
  scope: string,
  schema: string,
  tables: readonly string[],
): Promise<string> {
  const [change] = await queryPrepared<{ id: string }>(pool, undefined, newestChangeSql, [scope]);
  const signatures: string[] = [];
  for (const table of tables) signatures.push(await tableSignature(pool, schema, table));
  const [hash] = await queryPrepared<{ hash: string }>(pool, undefined, 'SELECT left(md5($1), 16) AS hash', [
    signatures.join('\n'),
  ]);
  return `${change?.id ?? '0'}-${hash?.hash ?? ''}`;
}

async function tableSignature(pool: pg.Pool, schema: string, table: string): Promise<string> {
  const name = qualified(schema, table);
  const [there] = await queryPrepared<{ there: boolean }>(
    pool,
    undefined,
    'SELECT to_regclass($1) IS NOT NULL AS there',
    [name],
  );
  if (!there?.there) return `${table} none`;
  const text = `SELECT count(*)::text AS n, coalesce(sum(xmin::text::bigint), 0)::text AS x FROM ${name}`;
  const [signature] = await queryPrepared<{ n: string; x: string }>(pool, undefined, text, []);
  return `${table} ${signature?.n} ${signature?.x}`;
}

/**
 * Updates the planner's statistics after a load. Autovacuum runs once a minute; until then the planner may assume one row
 * for an entity of fifty thousand and join by nested loops (measured: 97 s instead of 2 s for one validation). PostgreSQL
 * skips a table of another owner with a warning.
 */
export async function analyzeTables(pool: pg.Pool, schema: string, tables: readonly string[]): Promise<void> {
  const names = ['drover.identities', 'drover.changes', ...tables.map((table) => qualified(schema, table))];
  const there = 'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL';
  const found = await queryPrepared<{ name: string }>(pool, undefined, there, [names]);
  if (found.length > 0) await queryPrepared(pool, undefined, `ANALYZE ${found.map(({ name }) => name).join(', ')}`, []);
}
