import type pg from 'pg';
import { qualified } from '../../src/plan/sql.ts';
import { prepared } from '../sql.ts';

const newestChangeSql = 'SELECT coalesce(max(id), 0)::text AS id FROM drover.changes WHERE scope = $1';

/**
 * A name for what the target holds: the newest change Drover made in the scope, and for each table its number of rows
 * and the sum of their `xmin`.
 *
 * Sees every committed insert, update and delete in the tables, whoever made it: a new row version carries a
 * transaction id larger than all before it, so with the same number of rows the sum has grown. Costs one pass over each
 * table (some 0.2 s a million rows), which is paid when a validation is made or asked for.
 *
 * Does not see: tables that are not the plan's; changes of the tables' definition; and what a restored dump holds, for
 * there every row is newly written and the answer is `stale` although nothing differs. Transaction ids wrap after
 * 4 billion; that a sum then comes out the same with another content is not likely enough to count.
 */
export async function readDataVersion(
  pool: pg.Pool,
  scope: string,
  schema: string,
  tables: readonly string[],
): Promise<string> {
  const [change] = await prepared<{ id: string }>(pool, undefined, newestChangeSql, [scope]);
  const signatures: string[] = [];
  for (const table of tables) signatures.push(await tableSignature(pool, schema, table));
  const [hash] = await prepared<{ hash: string }>(pool, undefined, 'SELECT left(md5($1), 16) AS hash', [
    signatures.join('\n'),
  ]);
  return `${change?.id ?? '0'}-${hash?.hash ?? ''}`;
}

async function tableSignature(pool: pg.Pool, schema: string, table: string): Promise<string> {
  const name = qualified(schema, table);
  const [there] = await prepared<{ there: boolean }>(pool, undefined, 'SELECT to_regclass($1) IS NOT NULL AS there', [
    name,
  ]);
  if (!there?.there) return `${table} none`;
  const text = `SELECT count(*)::text AS n, coalesce(sum(xmin::text::bigint), 0)::text AS x FROM ${name}`;
  const [signature] = await prepared<{ n: string; x: string }>(pool, undefined, text, []);
  return `${table} ${signature?.n} ${signature?.x}`;
}
