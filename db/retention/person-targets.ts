import type pg from 'pg';
import type { PersonBefore, PersonRow } from '../../src/engine/retention/contract.ts';
import { withoutSecrets } from '../../src/engine/retention/person.ts';
import type { PersonTable, PersonTargets } from '../../src/engine/retention/ports.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';
import { prepared, type Row } from '../sql.ts';
import { wholeAddressPattern } from './address.ts';

const beforeImagesSql = `
SELECT run_id AS "runId", table_name AS table, target_id AS id, before FROM drover.changes
WHERE before IS NOT NULL AND (target_id = ANY($2::text[]) OR before::text ~* $1) ORDER BY id`;

/** What the target holds about one person, over a pool of the target's database. */
export function createPersonTargets(pool: pg.Pool): PersonTargets {
  return {
    async rows(email, tables, ids) {
      const byTable = new Map<string, readonly string[]>();
      const rows: PersonRow[] = [];
      for (const table of tables) {
        const found = await queryRows(pool, email, table, ids, byTable);
        byTable.set(table.table, [...(byTable.get(table.table) ?? []), ...found.map((row) => row.id)]);
        rows.push(...found.map((row) => withoutSecrets(row, table)));
      }
      return rows;
    },
    beforeImages: (email, ids) =>
      prepared<PersonBefore & Row>(pool, undefined, beforeImagesSql, [wholeAddressPattern(email), ids]),
  };
}

async function queryRows(
  pool: pg.Pool,
  email: string,
  { schema, table, references }: PersonTable,
  ids: readonly string[],
  found: ReadonlyMap<string, readonly string[]>,
): Promise<readonly PersonRow[]> {
  const name = qualified(schema, table);
  const text = 'SELECT to_regclass($1) IS NOT NULL AS there';
  const [known] = await prepared<{ there: boolean }>(pool, undefined, text, [name]);
  if (!known?.there) return [];
  const pointing = Object.keys(references).map(
    (column, at) => `OR t.${identifier(column)}::text = ANY($${at + 3}::text[])`,
  );
  const statement = `
SELECT t.id::text AS id, to_jsonb(t) AS row FROM ${name} t
WHERE t.id::text = ANY($2::text[]) OR to_jsonb(t)::text ~* $1 ${pointing.join(' ')} ORDER BY t.id`;
  const values = [
    wholeAddressPattern(email),
    ids,
    ...Object.values(references).map((parent) => found.get(parent) ?? []),
  ];
  const rows = await prepared<Omit<PersonRow, 'table'> & Row>(pool, undefined, statement, values);
  return rows.map((row) => ({ ...row, table: `${schema}.${table}` }));
}
