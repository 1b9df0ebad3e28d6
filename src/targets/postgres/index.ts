import { DroverError } from '../../errors.ts';
import { identifier, type SqlPort } from '../../plan/sql.ts';
import type { Compared, TargetPort } from '../../plan/target.ts';
import { columnsOf } from './columns.ts';
import { addForeignKeys, createTable } from './ddl.ts';
import { loadRows } from './load.ts';
import { createTables } from './tables.ts';

interface Difference extends Record<string, unknown> {
  readonly n: number;
  readonly missing: boolean;
  readonly fields: string[];
}

/** Rows into PostgreSQL tables of a schema, with identities and before-images beside them. */
export function createPostgresTarget(sql: SqlPort): TargetPort {
  const tables = createTables(sql);
  return {
    async prepare(plan, order, targetSchema) {
      await sql.query(undefined, `CREATE SCHEMA IF NOT EXISTS ${identifier(targetSchema)}`, []);
      const before = await tablesIn(sql, targetSchema);
      for (const name of order) {
        const entity = plan.entities[name];
        if (!entity) throw new DroverError('NOT_FOUND', `the plan has no entity ${name}`);
        // Tables that were there are never altered, and those made here get every key.
        const late = before.has(entity.target.table) ? [] : addForeignKeys(targetSchema, entity, plan.entities);
        for (const text of [...createTable(targetSchema, entity, plan.entities), ...late])
          await sql.query(undefined, text, []);
        await columnsOf(sql, targetSchema, entity);
      }
      tables.forget(targetSchema);
    },
    load: async (scope, rows, options) => loadRows(sql, await tables.of(scope), scope, rows, options),
    async compare(scope, rows) {
      const table = await tables.of(scope);
      const input = rows.map((row, n) => ({ ...row.row, n, _source_id: row.sourceId, id: row.targetId || null }));
      const values = [JSON.stringify(input), scope.runId, scope.entity];
      const found = await sql.query<Difference>(`compare ${table.name}`, table.statements.compare, values);
      const differences = new Map(
        found.map((row): [number, Compared] => [row.n, row.missing ? 'missing' : row.fields]),
      );
      return rows.map((_row, n) => differences.get(n) ?? []);
    },
  };
}

async function tablesIn(sql: SqlPort, schema: string): Promise<ReadonlySet<string>> {
  const text = 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1';
  const rows = await sql.query<{ name: string }>(undefined, text, [schema]);
  return new Set(rows.map(({ name }) => name));
}
