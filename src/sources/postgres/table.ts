import pg from 'pg';
import { toDatabaseError } from '../../../db/errors.ts';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { identifier, qualified } from '../../plan/sql.ts';

/** A row as it is read: the key as text, and the values under the names of `TableOptions.columns`. */
export interface TableRow {
  readonly key: string;
  readonly values: JsonObject;
}

export interface TableOptions {
  /** Connection string of the database. */
  readonly url: string;
  /** `bookings`, found on the search path, or `schema.bookings`. */
  readonly table: string;
  /** The column that names a row; it must be unique. */
  readonly key: string;
  /** Column of the table by the name under which a row has it. */
  readonly columns: Readonly<Record<string, string>>;
  /** Names, of `columns`, that the table may lack; a row then has none of them. */
  readonly optional: readonly string[];
  /** Where columns without a zone are from: an IANA zone. Without it such a column is refused. */
  readonly timeZone?: string | undefined;
}

export interface PageQuery {
  /** The key after which the page begins; null: from the first row. */
  readonly after: string | null;
  /** The last key that belongs to the reading; null: to the end. */
  readonly upTo: string | null;
  readonly limit: number;
}

/** A table of someone else's database, read by pages of its key; every page is a statement of its own, so no snapshot is held. */
export interface PostgresTable {
  /** The highest key now; null of an empty table. */
  highestKey(): Promise<string | null>;
  /** Rows in the order of the key. */
  page(query: PageQuery): Promise<readonly TableRow[]>;
  /** The rows of these keys; keys that cannot be a value of the column have none. */
  rowsOf(keys: readonly string[]): Promise<readonly TableRow[]>;
  count(): Promise<number>;
}

interface ColumnInfo extends Record<string, unknown> {
  readonly name: string;
  readonly type: string;
}

interface TableInfo {
  readonly qualifiedName: string;
  readonly keyType: string;
  /** The SQL expression of each column that is there, by the name under which a row has it. */
  readonly expressions: Readonly<Record<string, string>>;
}

// One process reads a few entities of a database at a time; the pool is kept for all of its sources.
const pools = new Map<string, pg.Pool>();
const statementTimeoutMs = 120_000;

function poolOf(url: string): pg.Pool {
  const known = pools.get(url);
  if (known) return known;
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    application_name: 'drover source',
    connectionTimeoutMillis: 10_000,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + 10_000,
    idle_in_transaction_session_timeout: 10_000,
    allowExitOnIdle: true,
    // Values are read as text: without these a server or role with other settings would write them in another form.
    options: '-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1',
  });
  // A connection that dies while it is idle is replaced; a pool without a listener would end the process.
  const ignore = () => undefined;
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));
  pools.set(url, pool);
  return pool;
}

/**
 * Opens a table. It is described at the first use: which of the columns are there, and of which types.
 * Every method throws DroverError: CONFIGURATION when the table, a column or a unique key is missing, or a column of times has
 * no zone; DATABASE_UNAVAILABLE and the other codes of the database otherwise.
 */
export function openPostgresTable(options: TableOptions): PostgresTable {
  const pool = poolOf(options.url);
  const query = async <T extends Record<string, unknown>>(text: string, values: readonly unknown[]): Promise<T[]> => {
    try {
      return (await pool.query<T>(text, [...values])).rows;
    } catch (thrown) {
      throw sourceError(thrown);
    }
  };
  let described: Promise<TableInfo> | undefined;
  const info = (): Promise<TableInfo> => {
    described ??= describeTable(query, options);
    described.catch(() => {
      described = undefined;
    });
    return described;
  };
  const key = identifier(options.key);
  return {
    async highestKey() {
      const { qualifiedName } = await info();
      // Not max(key): there is none for uuid before PostgreSQL 18.
      const [row] = await query<{ key: string }>(
        `SELECT t.${key}::text AS key FROM ${qualifiedName} t ORDER BY t.${key} DESC LIMIT 1`,
        [],
      );
      return row?.key ?? null;
    },
    async page({ after, upTo, limit }) {
      const table = await info();
      const text = `${selectSql(table, key)} WHERE ($1::${table.keyType} IS NULL OR t.${key} > $1)
        AND ($2::${table.keyType} IS NULL OR t.${key} <= $2) ORDER BY t.${key} LIMIT $3`;
      return (await query<RawRow>(text, [after, upTo, limit])).map(toTableRow);
    },
    async rowsOf(keys) {
      const table = await info();
      // Compared as text, because an id that an operator typed may be no value of the column's type.
      const possible = await query<{ key: string }>(
        `SELECT k AS key FROM unnest($1::text[]) AS k WHERE ${isValueSql(table.keyType, 'k')}`,
        [keys],
      );
      const text = `${selectSql(table, key)} WHERE t.${key} = ANY ($1::${table.keyType}[]) ORDER BY t.${key}`;
      return (await query<RawRow>(text, [possible.map((row) => row.key)])).map(toTableRow);
    },
    async count() {
      const { qualifiedName } = await info();
      const [row] = await query<{ n: string }>(`SELECT count(*)::text AS n FROM ${qualifiedName}`, []);
      return Number(row?.n ?? 0);
    },
  };
}

/** A condition that is true of texts that can be cast to the type. */
function isValueSql(type: string, expression: string): string {
  if (/^(integer|bigint|smallint)$/.test(type))
    return `${expression} ~ '^-?[0-9]{1,18}$' AND ${expression}::numeric BETWEEN ${lowestOf(type)} AND -(${lowestOf(type)}) - 1`;
  if (type === 'uuid') return `${expression} ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`;
  return 'true';
}

const lowestOf = (type: string): string =>
  type === 'smallint' ? '-32768' : type === 'integer' ? '-2147483648' : '-9223372036854775808';

interface RawRow extends Record<string, unknown> {
  readonly key: string;
  readonly values: JsonObject;
}

const selectSql = ({ qualifiedName, expressions }: TableInfo, key: string): string => {
  const pairs = Object.entries(expressions).map(([name, expression]) => `'${name}', ${expression}`);
  return `SELECT t.${key}::text AS key, json_build_object(${pairs.join(', ')}) AS values FROM ${qualifiedName} t`;
};

const toTableRow = ({ key, values }: RawRow): TableRow => ({ key, values });

type Query = <T extends Record<string, unknown>>(text: string, values: readonly unknown[]) => Promise<T[]>;

async function describeTable(query: Query, options: TableOptions): Promise<TableInfo> {
  const [schema, name] = splitName(options.table);
  const found = await query<{ oid: string; schema: string; name: string }>(
    `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND ($2::text = n.nspname OR ($2::text IS NULL AND pg_table_is_visible(c.oid)))`,
    [name, schema],
  );
  const [table] = found;
  if (table === undefined) {
    throw new DroverError('CONFIGURATION', `the source database has no table ${options.table}`, {
      remedy:
        'Name the table with --param table=SCHEMA.TABLE, and check SOURCE_DATABASE_URL and the rights of its role.',
    });
  }
  const columns = await query<ColumnInfo>(
    `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
     WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped`,
    [table.oid],
  );
  const types = new Map(columns.map((column) => [column.name, column.type]));
  const keyType = types.get(options.key);
  const wanted = Object.entries(options.columns).filter(([as]) => !options.optional.includes(as));
  const missing = [
    ...(keyType === undefined ? [options.key] : []),
    ...wanted.flatMap(([, column]) => (types.has(column) ? [] : [column])),
  ];
  if (keyType === undefined || missing.length > 0) {
    throw new DroverError(
      'CONFIGURATION',
      `table ${options.table} has no column ${missing.join(', ')}; it has ${columns.map((column) => column.name).join(', ')}`,
      { remedy: 'Say which column has which meaning with --param columns=\'{"email": "..."}\', then start again.' },
    );
  }
  await assertUniqueKey(query, table.oid, options);
  const expressions = Object.fromEntries(
    Object.entries(options.columns).flatMap(([as, column]) => {
      const type = types.get(column);
      return type === undefined ? [] : [[as, expressionOf(column, type, options)] as const];
    }),
  );
  return { qualifiedName: qualified(table.schema, table.name), keyType, expressions };
}

/** Without a unique key pages by key would leave out rows that share one across the end of a page. */
async function assertUniqueKey(query: Query, oid: string, { table, key }: TableOptions): Promise<void> {
  const [row] = await query<{ unique: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
       WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
         AND i.indexprs IS NULL AND a.attname = $2 AND a.attnotnull) AS unique`,
    [oid, key],
  );
  if (row?.unique) return;
  throw new DroverError(
    'CONFIGURATION',
    `column ${key} of ${table} is no unique key: rows that share one would be lost`,
    {
      remedy: `Make it one (CREATE UNIQUE INDEX CONCURRENTLY ... and SET NOT NULL), or name another with --param columns='{"id": "..."}'.`,
    },
  );
}

const withoutZone = /^timestamp without time zone$|^date$/;

/** A column as JSON: times as texts in UTC, numbers that a double cannot hold as texts, JSON as it is. */
function expressionOf(column: string, type: string, { timeZone, table }: TableOptions): string {
  const value = `t.${identifier(column)}`;
  if (type === 'json' || type === 'jsonb' || type === 'boolean') return value;
  if (/^(smallint|integer|real|double precision)$/.test(type))
    return type === 'smallint' || type === 'integer' ? value : finiteOrText(value);
  // The scale of a numeric column is written out (`12.5000`): zeros there were typed by no one.
  if (type === 'numeric') return `trim_scale(${value})::text`;
  if (type === 'timestamp with time zone') return `${value}::text`;
  if (withoutZone.test(type)) {
    if (timeZone === undefined) {
      throw new DroverError('CONFIGURATION', `column ${column} of ${table} has times without a zone`, {
        remedy: 'Say the zone they are in, with --param timeZone=Europe/Paris (or UTC).',
      });
    }
    return `(${value}::timestamp AT TIME ZONE '${timeZone.replaceAll("'", "''")}')::text`;
  }
  return `${value}::text`;
}

// JSON has no NaN and no infinity.
const finiteOrText = (value: string): string =>
  `CASE WHEN ${value}::text IN ('NaN', 'Infinity', '-Infinity') THEN to_json(${value}::text) ELSE to_json(${value}) END`;

function splitName(table: string): readonly [string | null, string] {
  const at = table.indexOf('.');
  return at < 0 ? [null, table] : [table.slice(0, at), table.slice(at + 1)];
}

/** What the source's database says; a fault there is none of the target's. */
function sourceError(thrown: unknown): DroverError {
  const error = toDatabaseError(thrown);
  if (error.code === 'DATABASE_UNAVAILABLE')
    return new DroverError('UPSTREAM_UNREACHABLE', `source database: ${error.message}`, {
      cause: thrown,
      remedy: 'Check SOURCE_DATABASE_URL and that PostgreSQL there is running and accepts connections.',
    });
  if (error.code === 'TARGET_SCHEMA' || error.code === 'TARGET_CONSTRAINT')
    return new DroverError('CONFIGURATION', `source database: ${(thrown as Error).message}`, { cause: thrown });
  return error;
}
