import type { Run } from '../../src/engine/ports.ts';
import type { Database } from '../client.ts';
import { createRunStore } from '../repositories/runs.ts';

const newestSql = `
SELECT DISTINCT ON (e.entity) e.entity, r.id FROM drover.runs r JOIN drover.run_entities e ON e.run_id = r.id
WHERE r.plan = $1 AND r.target_schema = $2 AND NOT r.dry_run AND NOT r.export_only
ORDER BY e.entity, r.created_at DESC, r.id DESC`;

/** The newest run that loaded, or is loading, each entity of the plan into the schema; by entity. */
export async function readNewestRunsByEntity(
  database: Database,
  plan: string,
  schema: string,
): Promise<ReadonlyMap<string, Run>> {
  const { rows } = await database.$client.query<{ entity: string; id: string }>(newestSql, [plan, schema]);
  const store = createRunStore(database);
  const runs = new Map<string, Run | undefined>();
  for (const id of new Set(rows.map((row) => row.id))) runs.set(id, await store.find(id));
  return new Map(rows.flatMap(({ entity, id }) => (runs.has(id) ? [[entity, runs.get(id) as Run]] : [])));
}
