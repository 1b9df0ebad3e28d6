import type pg from 'pg';
import type { Exchange } from '../../src/engine/cutover/contract.ts';
import { quoteName } from '../../src/engine/cutover/names.ts';
import { identifier } from '../../src/plan/sql.ts';

/** A table changes are carried into. */
export interface CarryTarget {
  readonly sql: string;
  /** Columns both tables have and a statement may write. */
  readonly columns: readonly string[];
  /** Those of them that cannot be updated: identities that are always generated. */
  readonly fixed: ReadonlySet<string>;
  /** The primary key, else all columns. */
  readonly key: readonly string[];
  readonly keyed: boolean;
  /** Its own triggers and rules must not act a second time on what they acted on when it was written. */
  disableTriggers(): Promise<void>;
  enableTriggers(): Promise<void>;
}

const columnsSql = `
SELECT a.attname AS name, a.attidentity = 'a' AS fixed, coalesce(a.attnum = ANY (i.indkey::int2[]), false) AS key
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND EXISTS (SELECT FROM pg_attribute l WHERE l.attrelid = $2::regclass AND l.attname = a.attname AND NOT l.attisdropped)
ORDER BY a.attnum`;

const triggersAndRulesSql = `
SELECT 'TRIGGER' AS kind, tgname AS name, tgenabled::text AS state FROM pg_trigger
WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled <> 'D'
UNION ALL SELECT 'RULE', rulename, ev_enabled::text FROM pg_rewrite
WHERE ev_class = $1::regclass AND rulename <> '_RETURN' AND ev_enabled <> 'D'`;

const enableActions: Record<string, string> = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };

export async function readTarget(client: pg.PoolClient, exchange: Exchange): Promise<CarryTarget> {
  const sql = quoteName(exchange.incoming);
  const { rows } = await client.query<{ name: string; fixed: boolean; key: boolean }>(columnsSql, [
    sql,
    quoteName(exchange.live),
  ]);
  const { rows: actors } = await client.query<{ kind: string; name: string; state: string }>(triggersAndRulesSql, [
    sql,
  ]);
  const keys = rows.filter((row) => row.key);
  const alter = async (action: (state: string) => string) => {
    for (const { kind, name, state } of actors)
      await client.query(`ALTER TABLE ${sql} ${action(state)} ${kind} ${identifier(name)}`);
  };
  return {
    sql,
    columns: rows.map((row) => row.name),
    fixed: new Set(rows.filter((row) => row.fixed).map((row) => row.name)),
    key: (keys.length > 0 ? keys : rows).map((row) => row.name),
    keyed: keys.length > 0,
    disableTriggers: () => alter(() => 'DISABLE'),
    enableTriggers: async () => {
      // ALTER TABLE refuses a table on which checks are still to be made.
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      await alter((state) => enableActions[state] ?? 'ENABLE');
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
