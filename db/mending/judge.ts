import type { DuplicateTable } from '../../src/engine/mending/ports.ts';
import { identifier, literal, qualified } from '../../src/plan/sql.ts';
import { duplicatePairsSql } from './strangers.ts';

/** A key of some table that points at the place's: `c` is the row that points, `d` the row pointed at. */
export interface ReferencingColumn {
  readonly child: string;
  readonly name: string;
  readonly matches: string;
}

/** Foreign keys that point at a table. $1 its name. */
export const foreignKeysSql = `
SELECT format('%I.%I', n.nspname, c.relname) AS child, con.conname::text AS name,
  (SELECT string_agg(format('c.%I = d.%I', ca.attname, pa.attname), ' AND ') FROM unnest(con.conkey, con.confkey) AS k(child, parent)
    JOIN pg_attribute ca ON ca.attrelid = con.conrelid AND ca.attnum = k.child
    JOIN pg_attribute pa ON pa.attrelid = con.confrelid AND pa.attnum = k.parent)
  || CASE WHEN con.conrelid = con.confrelid THEN ' AND c.id <> d.id' ELSE '' END AS matches
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0 AND con.confrelid = to_regclass($1) ORDER BY 1, 2`;

/**
 * Every doubled row and why it may not be removed. Proof is the natural key, or, where there is none, that the two rows agree
 * in every column of the table: what an application wrote beside ours by chance is not ours to remove.
 * $1 scope, $2 entity, $3 ids of doubled rows, or null for all.
 */
export function pickDuplicatesSql(place: DuplicateTable, pointers: readonly ReferencingColumn[]): string {
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
  CASE WHEN NOT p.same THEN 'it has the same natural key and another ' || (
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

/** Columns of the plan that hold ids of the place's rows and have no foreign key. */
export function referenceWithoutKey(
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
