import { DroverError } from '../../errors.ts';
import type { RowComparison } from '../../plan/api-target.ts';
import { type Column, type Entity, emailColumnsOf } from '../../plan/contract.ts';
import { emailKeySql, identifier, literal, qualified, type SqlPort } from '../../plan/sql.ts';
import type { TargetPort } from '../../plan/target.ts';
import { createTableCache, loadRows } from './load.ts';
import { columnsOf } from './statements.ts';

interface Difference extends Record<string, unknown> {
  readonly n: number;
  readonly missing: boolean;
  readonly fields: string[];
}

/** Loads rows into PostgreSQL tables of a schema, with identities and before-images in the `drover` schema of the same database. */
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
      // One message and so one transaction: an interrupted process leaves nothing. Existing tables are never altered, so a
      // table without the keys that come last would stay without them.
      const made = new Set([...before, ...entities.map(({ target }) => target.table)]);
      const isWhole = Object.values(plan.entities).every(({ target }) => made.has(target.table));
      const further = isWhole ? plan.furtherTables?.(targetSchema) : undefined;
      const statements = schemaSql(targetSchema, entities, plan.entities, before);
      await sql.query(undefined, [statements, ...(further === undefined ? [] : [further])].join(';\n'), []);
      tables.invalidate(targetSchema);
    },
    load: async (scope, rows, options) => loadRows(sql, await tables.of(scope), scope, rows, options),
    async compare(scope, rows) {
      const table = await tables.of(scope);
      const input = rows.map((row, n) => ({ ...row.row, n, _source_id: row.sourceId, id: row.targetId || null }));
      const values = [JSON.stringify(input), scope.runId, scope.entity, table.scope];
      const found = await sql.query<Difference>(`compare ${table.name}`, table.statements.compare, values);
      const differences = new Map(
        found.map((row): [number, RowComparison] => [row.n, row.missing ? 'missing' : row.fields]),
      );
      return rows.map((_row, n) => differences.get(n) ?? []);
    },
  };
}

/** The statements that create what is missing, in the order of the entities. */
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

type Entities = Readonly<Record<string, Entity>>;

/** The statements that create an entity's table, with the columns of every entity that shares it. Parents' tables come first. */
function createTable(schema: string, entity: Entity, entities: Entities): string[] {
  const columns = Object.entries(entity.target.columns);
  const lines = [
    idLine(schema, entity, entities),
    ...columns.map(([name, column]) => columnLine(name, column, schema, entities)),
    ...sharedColumns(entity, entities).map(([name, column]) =>
      columnLine(name, { ...column, references: undefined }, schema, {}),
    ),
  ];
  const key = entity.target.naturalKey;
  if (key && !isUniqueColumn(entity, key)) lines.push(`UNIQUE (${key.map(identifier).join(', ')})`);
  const table = qualified(schema, entity.target.table);
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (\n  ${lines.join(',\n  ')}\n)`,
    ...columns
      .filter(([name, column]) => (column.references || column.indexed) && !isUniqueColumn(entity, [name]))
      .map(([name]) => columnIndex(schema, entity.target.table, name)),
    ...emailColumnsOf(entity.target).map((name) => emailIndex(schema, entity.target.table, name)),
  ];
}

/**
 * The foreign keys of columns that this entity added to the table of another entity: the table they point at did not exist
 * when that table was created (a profile points at its affiliate, which points at its profile).
 */
function addForeignKeys(schema: string, entity: Entity, entities: Entities): string[] {
  const first = Object.values(entities).find(({ target }) => target.table === entity.target.table);
  if (first === undefined || first === entity) return [];
  return Object.entries(entity.target.columns).flatMap(([name, { references }]) => {
    const parent = references === undefined || name in first.target.columns ? undefined : entities[references];
    if (parent === undefined) return [];
    const table = qualified(schema, entity.target.table);
    return [
      `ALTER TABLE ${table} ADD FOREIGN KEY (${identifier(name)}) REFERENCES ${qualified(schema, parent.target.table)} (id)`,
    ];
  });
}

function sharedColumns(entity: Entity, entities: Entities): [string, Column][] {
  const own = new Set(Object.keys(entity.target.columns));
  const others = Object.values(entities).filter(
    (other) => other !== entity && other.target.table === entity.target.table,
  );
  return others
    .flatMap(({ target }) => Object.entries(target.columns))
    .filter(([name]) => !own.has(name) && own.add(name));
}

function idLine(schema: string, { target }: Entity, entities: Entities): string {
  const parent = target.idReferences === undefined ? undefined : entities[target.idReferences];
  return `id uuid PRIMARY KEY${parent ? ` REFERENCES ${qualified(schema, parent.target.table)} (id)` : ''}`;
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

function columnIndex(schema: string, table: string, column: string): string {
  return `CREATE INDEX IF NOT EXISTS ${identifier(`${table}_${column}`)} ON ${qualified(schema, table)} (${identifier(column)})`;
}

/**
 * The index for look-ups by the key of an address, also in a table that existed before. A role that does not own that table
 * cannot create it: the look-ups then read the table.
 */
function emailIndex(schema: string, table: string, column: string): string {
  const name = identifier(`${table}_${column}_email_key`);
  const create = `CREATE INDEX IF NOT EXISTS ${name} ON ${qualified(schema, table)} (${emailKeySql(identifier(column))})`;
  return `DO ${literal(`BEGIN ${create}; EXCEPTION WHEN insufficient_privilege THEN NULL; END`)}`;
}

function isUniqueColumn(entity: Entity, key: readonly string[]): boolean {
  const [only] = key;
  return key.length === 1 && only !== undefined && entity.target.columns[only]?.unique === true;
}
