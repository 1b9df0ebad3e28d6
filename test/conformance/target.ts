import type { Database } from '../../db/client.ts';
import type { Column, Entity, Plan } from '../../src/plan/contract.ts';
import { entityOrder } from '../../src/plan/define-plan.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';

/** The tables of a plan, read and changed as another application does, without Drover's bookkeeping. */
export function createTargetTables(database: Database, plan: Plan, schema: string) {
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await database.$client.query(text, [...values])).rows;
  const tableOf = (entity: Entity) => qualified(schema, entity.target.table);
  const entities = entityOrder(plan).map((name) => plan.entities[name] as Entity);

  async function rowsOf(entity: Entity): Promise<readonly JsonObject[]> {
    const [found] = await query('SELECT to_regclass($1) IS NOT NULL AS is', [tableOf(entity)]);
    if (!found.is) return [];
    return (await query(`SELECT to_jsonb(t) AS row FROM ${tableOf(entity)} t ORDER BY id`)).map(({ row }) => row);
  }

  return {
    async rows() {
      const tables = entities.map(async (entity) => [entity.target.table, await rowsOf(entity)] as const);
      return Object.fromEntries(await Promise.all(tables));
    },
    /** Rows without a natural key are deleted, the others are changed, and Drover's bookkeeping of all of them is deleted. */
    async detachRows() {
      const kept = entities.filter((entity) => entity.target.naturalKey !== undefined);
      const gone = entities.filter((entity) => entity.target.naturalKey === undefined);
      for (const entity of gone.toReversed()) await query(`DELETE FROM ${tableOf(entity)}`);
      for (const entity of kept) await query(`UPDATE ${tableOf(entity)} SET ${changeOf(entity)}`);
      await query('TRUNCATE drover.identities, drover.changes');
      return kept.length;
    },
  };
}

/** Another value in every column that a load overwrites. */
function changeOf({ target }: Entity): string {
  const isOpen = ([name, column]: readonly [string, Column]): boolean =>
    !column.insertOnly && !column.unique && !column.references && !target.naturalKey?.includes(name);
  const changes = Object.entries(target.columns)
    .filter(isOpen)
    .flatMap(([name, { type, nullable }]) => {
      if (nullable) return [`${identifier(name)} = NULL`];
      return type === 'text' ? [`${identifier(name)} = 'another client''s'`] : [];
    });
  return changes.length > 0 ? changes.join(', ') : 'id = id';
}
