import type { Column, Entity } from '../../plan/contract.ts';
import { identifier, qualified } from '../../plan/sql.ts';

type Entities = Readonly<Record<string, Entity>>;

/** The statements that make an entity's table where there is none. Parents' tables must come first. */
export function createTable(schema: string, entity: Entity, entities: Entities): string[] {
  const columns = Object.entries(entity.target.columns);
  const lines = [`id uuid PRIMARY KEY`, ...columns.map(([name, column]) => columnLine(name, column, schema, entities))];
  const key = entity.target.naturalKey;
  if (key && !isUniqueColumn(entity, key)) lines.push(`UNIQUE (${key.map(identifier).join(', ')})`);
  const table = qualified(schema, entity.target.table);
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (\n  ${lines.join(',\n  ')}\n)`,
    ...columns
      .filter(([name, column]) => column.references && !isUniqueColumn(entity, [name]))
      .map(([name]) => foreignKeyIndex(schema, entity.target.table, name)),
  ];
}

function columnLine(name: string, column: Column, schema: string, entities: Entities): string {
  const parts = [identifier(name), column.type];
  if (!column.nullable) parts.push('NOT NULL');
  if (column.default) parts.push(`DEFAULT ${column.default}`);
  if (column.unique) parts.push('UNIQUE');
  const parent = column.references ? entities[column.references] : undefined;
  if (parent) parts.push(`REFERENCES ${qualified(schema, parent.target.table)} (id)`);
  return parts.join(' ');
}

function foreignKeyIndex(schema: string, table: string, column: string): string {
  return `CREATE INDEX IF NOT EXISTS ${identifier(`${table}_${column}`)} ON ${qualified(schema, table)} (${identifier(column)})`;
}

function isUniqueColumn(entity: Entity, key: readonly string[]): boolean {
  const [only] = key;
  return key.length === 1 && only !== undefined && entity.target.columns[only]?.unique === true;
}
