import type pg from 'pg';
import type { Exchange } from '../../contract/cutover.ts';
import { identifier, literal } from '../../plan/sql.ts';
import { baseTypeSql, inexactSql } from './catalog-queries.sql.ts';
import { quoteName } from './names.ts';

/** A column that both tables have. */
export interface CarryColumn {
  readonly name: string;
  readonly type: string;
  /** Recorded as PostgreSQL's text. */
  readonly inexact: boolean;
  /** json, jsonb, or a domain of one: its text is no value of its own to jsonb_populate_record. */
  readonly document: boolean;
}

/** A table changes are carried into. */
export interface CarryTarget {
  readonly sql: string;
  /** Names of the columns that a statement may write. */
  readonly columns: readonly string[];
  /** The primary key, else all columns. Of a key, a generated column too: it is compared, and not written. */
  readonly key: readonly string[];
  readonly keyed: boolean;
  /** Those of `columns` and `key`. */
  readonly all: readonly CarryColumn[];
  /** Its own triggers and rules must not act a second time on what they acted on when it was written. */
  disableTriggers(): Promise<void>;
  enableTriggers(): Promise<void>;
}

/** A row source of the target's columns, typed, from an image (`c.new`); `asText` is the flag recorded with it. SQL. */
export function rowSql(target: CarryTarget, image: string, asText: string): string {
  const columns = target.all.map(({ name, type, document }) => {
    const column = `p.${identifier(name)}`;
    if (!document) return column;
    return `CASE WHEN ${asText} THEN (${image} ->> ${literal(name)})::${type} ELSE ${column} END AS ${identifier(name)}`;
  });
  return `(SELECT ${columns.join(', ')} FROM jsonb_populate_record(NULL::${target.sql}, ${image}) p)`;
}

/** The image of a row of the target as the recording makes it. SQL; null where the row is. */
export function imageSql(target: CarryTarget, row: string, asText: string): string {
  const columns = (exact: boolean) =>
    target.all.map(({ name, inexact }) => {
      const column = identifier(name);
      return `${row}.${column}${exact && inexact ? `::text AS ${column}` : ''}`;
    });
  const image = (exact: boolean) => `(SELECT to_jsonb(r.*) FROM (SELECT ${columns(exact).join(', ')}) r)`;
  if (!target.all.some(({ inexact }) => inexact)) return image(false);
  return `CASE WHEN ${asText} THEN ${image(true)} ELSE ${image(false)} END`;
}

const columnsSql = `
SELECT a.attname AS name, a.attidentity = 'a' AS fixed, a.attgenerated <> '' AS generated,
  coalesce(a.attnum = ANY (i.indkey::int2[]), false) AS key, format_type(a.atttypid, a.atttypmod) AS type, ${inexactSql} AS inexact,
  ${baseTypeSql} IN ('json'::regtype, 'jsonb'::regtype) AS document
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND EXISTS (SELECT FROM pg_attribute l WHERE l.attrelid = $2::regclass AND l.attname = a.attname AND NOT l.attisdropped)
ORDER BY a.attnum`;

const triggersAndRulesSql = `
SELECT 'TRIGGER' AS kind, tgname AS name, tgenabled::text AS state FROM pg_trigger
WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled <> 'D'
UNION ALL SELECT 'RULE', rulename, ev_enabled::text FROM pg_rewrite
WHERE ev_class = $1::regclass AND rulename <> '_RETURN' AND ev_enabled <> 'D'`;

const enableActions: Record<string, string> = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };

type ColumnRow = CarryColumn & { readonly fixed: boolean; readonly generated: boolean; readonly key: boolean };

export async function readTarget(client: pg.PoolClient, exchange: Exchange): Promise<CarryTarget> {
  const sql = quoteName(exchange.incoming);
  const { rows } = await client.query<ColumnRow>(columnsSql, [sql, quoteName(exchange.live)]);
  const { rows: actors } = await client.query<{ kind: string; name: string; state: string }>(triggersAndRulesSql, [
    sql,
  ]);
  const keys = rows.filter((row) => row.key);
  const writable = rows.filter((row) => !row.generated);
  const alter = async (action: (state: string) => string, identity: string) => {
    const actions = [
      ...actors.map(({ kind, name, state }) => `${action(state)} ${kind} ${identifier(name)}`),
      // An identity that is always generated is not updated otherwise.
      ...rows.flatMap(({ name, fixed }) => (fixed ? `ALTER COLUMN ${identifier(name)} SET GENERATED ${identity}` : [])),
    ];
    if (actions.length > 0) await client.query(`ALTER TABLE ${sql} ${actions.join(', ')}`);
  };
  return {
    sql,
    columns: writable.map((row) => row.name),
    key: (keys.length > 0 ? keys : writable).map((row) => row.name),
    keyed: keys.length > 0,
    all: rows.filter((row) => row.key || !row.generated),
    disableTriggers: () => alter(() => 'DISABLE', 'BY DEFAULT'),
    enableTriggers: async () => {
      // ALTER TABLE refuses a table on which checks are still to be made.
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      await alter((state) => enableActions[state] ?? 'ENABLE', 'ALWAYS');
    },
  };
}

/** The tables in an order in which rows can be inserted; where they point in a circle, any order of those. */
export async function parentsFirst(client: pg.PoolClient, tables: readonly Exchange[]): Promise<Exchange[]> {
  const names = tables.map((exchange) => quoteName(exchange.incoming));
  const { rows } = await client.query<{ child: number; parent: number }>(
    `SELECT c.n::int - 1 AS child, p.n::int - 1 AS parent FROM pg_constraint k
     JOIN unnest($1::regclass[]) WITH ORDINALITY c (oid, n) ON c.oid = k.conrelid
     JOIN unnest($1::regclass[]) WITH ORDINALITY p (oid, n) ON p.oid = k.confrelid WHERE k.contype = 'f' AND c.n <> p.n`,
    [names],
  );
  const order: number[] = [];
  const visit = (table: number, path: readonly number[]) => {
    if (order.includes(table) || path.includes(table)) return;
    for (const { parent } of rows.filter((row) => row.child === table)) visit(parent, [...path, table]);
    order.push(table);
  };
  for (const table of tables.keys()) visit(table, []);
  return order.flatMap((table) => tables[table] ?? []);
}
