import type pg from 'pg';
import type { CutoverSpec } from '../../src/engine/cutover/contract.ts';
import type { Run } from '../../src/engine/ports.ts';

const writtenSql = `
SELECT DISTINCT coalesce(c.new, c.old) ->> 'id' AS id FROM drover.cutover_changes c
JOIN drover.cutovers x ON x.stamp = c.stamp AND x.kind = 'cutover' AND x.status = 'restored'
WHERE c.at > $1 AND coalesce(c.new, c.old) ->> 'id' = ANY ($2::text[])
  AND EXISTS (SELECT FROM jsonb_array_elements($3::jsonb) p WHERE x.tables @> jsonb_build_array(p)
    AND c.schema_name = p -> 'live' ->> 'schema' AND c.table_name = p -> 'live' ->> 'name')`;

/** Those of the ids whose rows were written after the run, while the incoming tables of the set were the live ones. */
export async function findRowsWrittenLive(
  pool: pg.Pool,
  run: Run,
  spec: CutoverSpec,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const pairs = spec.tables.map(({ incoming, live }) => ({ incoming, live }));
  const { rows } = await pool.query<{ id: string }>(writtenSql, [
    run.finishedAt ?? run.createdAt,
    ids,
    JSON.stringify(pairs),
  ]);
  return new Set(rows.map((row) => row.id));
}
