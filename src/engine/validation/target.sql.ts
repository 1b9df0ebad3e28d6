import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import { exponentOf } from '../../money.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { duplicatePairsSql } from '../repair/duplicates.sql.ts';
import type { MoneyColumns, RowViolation, TargetTable, ValidationTarget } from './types.ts';

/**
 * Joins the identity of a source id, `i`. $1 scope, $2 entity. One look-up a record, whatever the planner believes:
 * while the table has no statistics it takes scope and entity for names of a single row, reads the whole entity once and
 * compares it with every record (measured: 0.9 s for 500 records among 20,000). OFFSET 0 leaves it no choice.
 */
const joinIdentitySql = (sourceId: string): string => `LEFT JOIN LATERAL (
  SELECT * FROM drover.identities d WHERE d.scope = $1 AND d.entity = $2 AND d.source_id = ${sourceId} OFFSET 0
) i ON true`;

const columnsSql =
  'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';

const targetIdsSql = `
SELECT w.source_id, i.target_id FROM unnest($3::text[]) AS w(source_id) ${joinIdentitySql('w.source_id')}
WHERE i.target_id IS NOT NULL`;

/** What validation reads of the target, over the target's database. */
export function createValidationTarget(pool: pg.Pool): ValidationTarget {
  return {
    analyze: (schema, tables) => analyzeTables(pool, schema, tables),
    dataVersion: (scope, schema, tables) => readDataVersion(pool, scope, schema, tables),
    columns: async (schema, table) => {
      const rows = await queryPrepared<{ name: string }>(pool, undefined, columnsSql, [schema, table]);
      return new Set(rows.map((row) => row.name));
    },
    countOwned: (place) => countOwnedRows(pool, place),
    findMissing: (place, records) => findMissingRows(pool, place, records),
    findDuplicates: (place, names, naturalKey) => findDuplicateRows(pool, place, names, naturalKey),
    findDangling: (place, column, parentTable, nullable) =>
      findDanglingRows(pool, place, column, parentTable, nullable),
    findViolations: (place, condition) => findViolatingRows(pool, place, condition),
    sums: (place, money, records) => sumMoney(pool, place, money, records),
    findAmountDifferences: (place, money, records) => findAmountDifferences(pool, place, money, records),
    targetIds: async (scope, entity, sourceIds) => {
      const values = [scope, entity, sourceIds];
      const rows = await queryPrepared<{ source_id: string; target_id: string }>(pool, undefined, targetIdsSql, values);
      return new Map(rows.map((row) => [row.source_id, row.target_id]));
    },
  };
}

// Statements without a name: their text has tables in it, and they run once a validation.
const queryViolations = (pool: pg.Pool, text: string, values: readonly unknown[]): Promise<RowViolation[]> =>
  queryPrepared<RowViolation & Record<string, unknown>>(pool, undefined, text, values);

const tableOf = (place: TargetTable): string => qualified(place.schema, place.table);

/** Rows of ours, `t`, with the identity that says so, `i`. $1 scope, $2 entity. */
const ownedRowsSql = (place: TargetTable): string =>
  `drover.identities i JOIN ${tableOf(place)} t ON t.id = i.target_id::uuid
WHERE i.scope = $1 AND i.entity = $2 AND NOT i.merged`;

async function countOwnedRows(pool: pg.Pool, place: TargetTable): Promise<number> {
  const text = `SELECT count(*)::int AS n FROM ${ownedRowsSql(place)}`;
  const rows = await queryPrepared<{ n: number }>(pool, undefined, text, [place.scope, place.entity]);
  return rows[0]?.n ?? 0;
}

/** Of the records given, those that have no identity, or one that points at no row. */
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

/** Two records with one row, and rows that are no record's and double that of one. */
function findDuplicateRows(
  pool: pg.Pool,
  place: TargetTable,
  columns: readonly string[],
  naturalKey: readonly string[],
): Promise<RowViolation[]> {
  const text = `
WITH ${duplicatePairsSql({ ...place, columns, naturalKey })}
SELECT source_id AS "sourceId", target_id AS "targetId", 'its row is also that of ' || first AS detail
FROM (SELECT *, first_value(source_id) OVER (PARTITION BY target_id ORDER BY source_id) AS first FROM mine) m
WHERE source_id <> first
UNION ALL
SELECT source_id, target_id, 'the row ' || id || CASE WHEN same THEN ' holds the same' ELSE ' has the same natural key' END
  || ' and belongs to no record'
FROM pairs
ORDER BY 1`;
  return queryViolations(pool, text, [place.scope, place.entity]);
}

/** Rows of ours whose column points at no row of the parent, or at nothing where it must. */
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
  coalesce($3 || ' points at ' || ${value}::text || ', which is not there', $3 || ' is empty') AS detail
FROM ${ownedRowsSql(place)} AND NOT EXISTS (SELECT 1 FROM ${qualified(place.schema, parentTable)} p WHERE p.id = ${value})
  ${nullable ? `AND ${value} IS NOT NULL` : ''}
ORDER BY i.source_id`;
  return queryViolations(pool, text, [place.scope, place.entity, column]);
}

/** Rows of ours for which the condition is true. */
function findViolatingRows(pool: pg.Pool, place: TargetTable, condition: string): Promise<RowViolation[]> {
  // The bracket on a line of its own: the condition may end in a comment.
  const text = `
SELECT i.source_id AS "sourceId", i.target_id AS "targetId", 'breaks the rule' AS detail
FROM ${ownedRowsSql(place)} AND (${condition}
) ORDER BY i.source_id`;
  return queryViolations(pool, text, [place.scope, place.entity]);
}

export interface MoneySum extends Record<string, unknown> {
  readonly currency: string;
  readonly status: string;
  readonly minor: string;
}

// The records of a page with the rows they became. $1 scope, $2 entity, $3 records, $4 exponents where amounts are in major units.
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

/** Sums by currency and status of the rows as they are, in minor units; a fraction of a unit stays visible. */
async function sumMoney(pool: pg.Pool, place: TargetTable, money: MoneyColumns, records: string): Promise<MoneySum[]> {
  const text = `${moneyRowsSql(place, money)}
SELECT currency, status, trim_scale(coalesce(sum(minor), 0))::text AS minor FROM found WHERE id IS NOT NULL GROUP BY 1, 2`;
  return queryPrepared<MoneySum>(pool, undefined, text, valuesOf(place, money, records));
}

/** The records whose row is gone or holds another amount, currency or status than the source gave. */
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

// PostgreSQL refuses a parameter that the statement does not name.
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
 * A name for what the target holds: the newest change Drover made in the scope, and for each table its number of rows
 * and the sum of their `xmin`.
 *
 * Sees every committed insert, update and delete in the tables, whoever made it: a new row version carries a
 * transaction id larger than all before it, so with the same number of rows the sum has grown. Costs one pass over each
 * table (some 0.2 s a million rows), which is paid when a validation is made or asked for.
 *
 * Does not see: tables that are not the plan's; changes of the tables' definition; and what a restored dump holds, for
 * there every row is newly written and the answer is `stale` although nothing differs. Transaction ids wrap after
 * 4 billion; that a sum then comes out the same with another content is not likely enough to count.
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
 * Tells the planner what a load has just made of the tables. Autovacuum looks once a minute; until then it may hold that
 * an entity of fifty thousand rows has one, and join it by nested loops: measured 97 s instead of 2 s for one validation.
 * A table that belongs to somebody else is passed over by PostgreSQL with a warning.
 */
export async function analyzeTables(pool: pg.Pool, schema: string, tables: readonly string[]): Promise<void> {
  const names = ['drover.identities', 'drover.changes', ...tables.map((table) => qualified(schema, table))];
  const there = 'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL';
  const found = await queryPrepared<{ name: string }>(pool, undefined, there, [names]);
  if (found.length > 0) await queryPrepared(pool, undefined, `ANALYZE ${found.map(({ name }) => name).join(', ')}`, []);
}
