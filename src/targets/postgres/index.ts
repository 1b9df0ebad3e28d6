import { DroverError } from '../../errors.ts';
import type { RowComparison } from '../../plan/api-target.ts';
import type { Entity } from '../../plan/contract.ts';
import { identifier, type SqlPort } from '../../plan/sql.ts';
import type { TargetPort } from '../../plan/target.ts';
import { columnsOf } from './columns.ts';
import { addForeignKeys, createTable } from './ddl.ts';
import { loadRows } from './load.ts';
import { createTableCache } from './tables.ts';

interface Difference extends Record<string, unknown> {
  readonly n: number;
  readonly missing: boolean;
  readonly fields: string[];
}

/** Rows into PostgreSQL tables of a schema, with identities and before-images beside them. */
export function createPostgresTarget(sql: SqlPort): TargetPort {
  const tables = createTableCache(sql);
  return {
    async prepare(plan, order, targetSchema) {
      const before = await tablesIn(sql, targetSchema);
      const entities = order.map((name) => {
        const entity = plan.entities[name];
        if (!entity) throw new DroverError('NOT_FOUND', `the plan has no entity ${name}`);
        return entity;
      });
      for (const entity of entities) if (before.has(entity.target.table)) await columnsOf(sql, targetSchema, entity);
      // One message and so one transaction: whoever dies on the way leaves nothing. Tables that were there are never
      // altered, so one that was made without the keys that come last would be without them for good.
      await sql.query(undefined, schemaSql(targetSchema, entities, plan.entities, before), []);
      tables.invalidate(targetSchema);
    },
    load: async (scope, rows, options) => loadRows(sql, await tables.of(scope), scope, rows, options),
    async compare(scope, rows) {
      const table = await tables.of(scope);
      const input = rows.map((row, n) => ({ ...row.row, n, _source_id: row.sourceId, id: row.targetId || null }));
      const values = [JSON.stringify(input), scope.runId, scope.entity];
      const found = await sql.query<Difference>(`compare ${table.name}`, table.statements.compare, values);
      const differences = new Map(
        found.map((row): [number, RowComparison] => [row.n, row.missing ? 'missing' : row.fields]),
      );
      return rows.map((_row, n) => differences.get(n) ?? []);
    },
  };
}

/** Every statement that makes what is missing, in the order of the entities. */
function schemaSql(
  schema: string,
  order: readonly Entity[],
  entities: Readonly<Record<string, Entity>>,
  before: ReadonlySet<string>,
): string {
  const statements = order.flatMap((entity) => [
    ...createTable(schema, entity, entities),
    ...(before.has(entity.target.table) ? [] : addForeignKeys(schema, entity, entities)),
  ]);
  return [`CREATE SCHEMA IF NOT EXISTS ${identifier(schema)}`, ...statements].join(';\n');
}

async function tablesIn(sql: SqlPort, schema: string): Promise<ReadonlySet<string>> {
  const text = 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1';
  const rows = await sql.query<{ name: string }>(undefined, text, [schema]);
  return new Set(rows.map(({ name }) => name));
}
