import type { DuplicateTable } from '../../src/engine/mending/ports.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';

/** The columns that the table has; the plan may name others, which are optional. */
export type ExistingTable = Pick<DuplicateTable, 'schema' | 'table' | 'columns' | 'naturalKey'>;

/**
 * `pairs`: rows that belong to no record of the scope and say what the row of a record says, each once: `id` of the row that
 * is too many, `source_id` and `target_id` of the record it doubles; `same` when all columns of the plan agree, `keyed` when
 * the natural key does. Rows that are nobody's are few or of other content, so comparing them as text costs one pass over the
 * table. $1 scope, $2 entity.
 */
export function duplicatePairsSql(place: ExistingTable): string {
  const table = qualified(place.schema, place.table);
  const content = (alias: string): string => `ROW(${columnList(alias, place.columns)})::text`;
  const key = (alias: string): string => {
    const present = place.naturalKey.every((column) => place.columns.includes(column));
    if (place.naturalKey.length === 0 || !present) return 'NULL::text';
    const whole = place.naturalKey.map((column) => `${alias}.${identifier(column)} IS NOT NULL`).join(' AND ');
    return `CASE WHEN ${whole} THEN ROW(${columnList(alias, place.naturalKey)})::text END`;
  };
  return `
mine AS (
  SELECT i.source_id, i.target_id, ${content('t')} AS content, ${key('t')} AS key
  FROM drover.identities i JOIN ${table} t ON t.id = i.target_id::uuid WHERE i.scope = $1 AND i.entity = $2 AND NOT i.merged
), strange AS (
  SELECT t.id, ${content('t')} AS content, ${key('t')} AS key FROM ${table} t
  WHERE NOT EXISTS (SELECT 1 FROM drover.identities i WHERE i.scope = $1 AND i.target_id = t.id::text)
), met AS (
  SELECT s.id, m.source_id, m.target_id, true AS same, coalesce(m.key = s.key, false) AS keyed
  FROM strange s JOIN mine m ON m.content = s.content
  UNION ALL
  SELECT s.id, m.source_id, m.target_id, m.content = s.content, true FROM strange s JOIN mine m ON m.key = s.key
), pairs AS (
  SELECT DISTINCT ON (id) * FROM met ORDER BY id, same DESC, keyed DESC, source_id
)`;
}

function columnList(alias: string, columns: readonly string[]): string {
  return columns.map((name) => `${alias}.${identifier(name)}`).join(', ');
}
