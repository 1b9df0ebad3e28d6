import { DroverError } from '../../errors.ts';
import type { Column, Entity } from '../../plan/contract.ts';
import type { SqlPort } from '../../plan/sql.ts';

/** A column Drover writes. */
export interface TargetColumn {
  readonly name: string;
  readonly column: Column;
}

const columnNamesSql =
  'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2';

/**
 * The columns of the plan that the table has. What is optional may be missing; what is not may not.
 * @throws DroverError TARGET_SCHEMA naming every missing column.
 */
export async function columnsOf(sql: SqlPort, schema: string, entity: Entity): Promise<readonly TargetColumn[]> {
  const table = entity.target.table;
  const rows = await sql.query<{ name: string }>('target_columns', columnNamesSql, [schema, table]);
  const present = new Set(rows.map((row) => row.name));
  const wanted = Object.entries(entity.target.columns).map(([name, column]) => ({ name, column }));
  const missing = [{ name: 'id', column: undefined }, ...wanted].filter(
    ({ name, column }) => !present.has(name) && !column?.optional,
  );
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new DroverError('TARGET_SCHEMA', `table ${schema}.${table} has no column ${names}`, {
      remedy: `Add the columns to ${schema}.${table}, or load into another schema with --target-schema.`,
    });
  }
  return wanted.filter(({ name }) => present.has(name));
}
