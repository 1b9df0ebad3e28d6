import type { RollbackTable } from '../../src/engine/rollback/ports.ts';
import { literal, qualified } from '../../src/plan/sql.ts';

/**
 * The changes of a run to one table, and who wrote each row last. A load writes row and identity in one statement, so
 * both carry the same transaction id (`xmin`): where they agree, the row is as that load left it, and the identity says
 * of which run. Costs nothing at load and sees every later write, by Drover or not. What it cannot see is a table
 * written anew (a restored dump, a changed column type): then no row agrees, and each is a `suspect` to be looked at.
 *
 * A suspect's columns that the run did not write must be what they were (`untouched`), or there is something of others
 * in the row. $1 run, $2 scope.
 */
export function changesSql(schema: string, table: RollbackTable, place: number): string {
  const name = qualified(schema, table.table);
  const written = textArray(table.written);
  const all = textArray([...table.written, ...table.insertOnly, 'id']);
  const made = `ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = ${literal(name)}::regclass AND attgenerated <> '')`;
  return `
SELECT c.id AS change_id, ${place}::int AS place, c.entity, c.source_id, c.table_name, c.target_id::uuid AS target_id,
  c.operation, c.before, c.identity_before, md5(to_jsonb(t)::text) AS print,
  CASE WHEN writer.run_id <> $1 THEN 'run ' || writer.run_id || ' has written it since: roll that one back first' END AS detail,
  c.operation NOT IN ('alias', 'remove') AND t.id IS NOT NULL AND writer.run_id IS NULL AS suspect,
  CASE c.operation
    WHEN 'update' THEN (to_jsonb(t) - ${written})::text = (to_jsonb(jsonb_populate_record(t, c.before)) - ${written})::text
    ELSE to_jsonb(t) - ${all} - ${made} = '{}'
  END AS untouched
FROM drover.changes c
LEFT JOIN ${name} t ON t.id = c.target_id::uuid AND c.operation <> 'alias'
LEFT JOIN LATERAL (
  SELECT i.run_id FROM drover.identities i
  -- Of any entity: several may write into one table.
  WHERE i.scope = $2 AND i.target_id = c.target_id AND NOT i.merged AND i.xmin = t.xmin LIMIT 1
) writer ON true
WHERE c.run_id = $1 AND c.scope = $2 AND c.entity = ${literal(table.entity)}`;
}

/** The same of a table that is not there any more: nothing is known of its rows. $1 run, $2 scope. */
export function changesOfMissingTableSql(table: RollbackTable, place: number): string {
  return `
SELECT c.id AS change_id, ${place}::int AS place, c.entity, c.source_id, c.table_name, c.target_id::uuid AS target_id,
  c.operation, c.before, c.identity_before, NULL::text AS print, NULL::text AS detail, false AS suspect, true AS untouched
FROM drover.changes c WHERE c.run_id = $1 AND c.scope = $2 AND c.entity = ${literal(table.entity)}`;
}

const textArray = (names: readonly string[]): string => `ARRAY[${names.map(literal).join(', ')}]::text[]`;
