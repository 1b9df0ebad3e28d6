import type pg from 'pg';
import type { RowViolation, TargetTable } from '../../src/engine/validation/ports.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';
import { duplicatePairsSql } from '../mending/strangers.ts';
import { prepared } from '../sql.ts';
import { joinIdentitySql } from './identity-of.ts';

// Statements without a name: their text has tables in it, and they run once a validation.
const queryViolations = (pool: pg.Pool, text: string, values: readonly unknown[]): Promise<RowViolation[]> =>
  prepared<RowViolation & Record<string, unknown>>(pool, undefined, text, values);

const tableOf = (place: TargetTable): string => qualified(place.schema, place.table);

/** Rows of ours, `t`, with the identity that says so, `i`. $1 scope, $2 entity. */
const ownedRowsSql = (place: TargetTable): string =>
  `drover.identities i JOIN ${tableOf(place)} t ON t.id = i.target_id::uuid
WHERE i.scope = $1 AND i.entity = $2 AND NOT i.merged`;

export async function countOwnedRows(pool: pg.Pool, place: TargetTable): Promise<number> {
  const text = `SELECT count(*)::int AS n FROM ${ownedRowsSql(place)}`;
  const rows = await prepared<{ n: number }>(pool, undefined, text, [place.scope, place.entity]);
  return rows[0]?.n ?? 0;
}

/** Of the records given, those that have no identity, or one that points at no row. */
export function findMissingRows(pool: pg.Pool, place: TargetTable, records: string): Promise<RowViolation[]> {
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
export function findDuplicateRows(
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
export function findDanglingRows(
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
export function findViolatingRows(pool: pg.Pool, place: TargetTable, condition: string): Promise<RowViolation[]> {
  // The bracket on a line of its own: the condition may end in a comment.
  const text = `
SELECT i.source_id AS "sourceId", i.target_id AS "targetId", 'breaks the rule' AS detail
FROM ${ownedRowsSql(place)} AND (${condition}
) ORDER BY i.source_id`;
  return queryViolations(pool, text, [place.scope, place.entity]);
}
