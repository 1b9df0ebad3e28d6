import type pg from 'pg';
import type { Catalog } from '../../src/engine/cutover/catalog.ts';
import type { Counted, CutoverPlan, Name, TablePair } from '../../src/engine/cutover/contract.ts';
import { displayName, quoteName } from '../../src/engine/cutover/names.ts';
import { identifier } from '../../src/plan/sql.ts';

type CountingClient = pg.Pool | pg.PoolClient;

/** Rows of both tables of each pair, or of one side only; the other side then reads 0. */
export async function countRows(
  client: CountingClient,
  pairs: readonly TablePair[],
  side: 'both' | 'live' | 'incoming' = 'both',
): Promise<Counted[]> {
  const counted: Counted[] = [];
  for (const { incoming, live } of pairs) {
    const count = async (wanted: typeof side, table: string) =>
      side === 'both' || side === wanted ? countTable(client, table) : 0;
    counted.push({
      table: displayName(live),
      incoming: await count('incoming', quoteName(incoming)),
      live: await count('live', quoteName(live)),
    });
  }
  return counted;
}

async function countTable(client: CountingClient, table: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
  return Number(rows[0]?.n);
}

/** Rows of tables outside the set whose key would point at nothing once the incoming tables are live. */
export async function findOrphans(client: CountingClient, catalog: Catalog, plan: CutoverPlan): Promise<string[]> {
  const found: string[] = [];
  const byOid = new Map([...catalog.tables.values()].map((table) => [table.oid, table]));
  for (const key of catalog.incomingKeys) {
    const target = byOid.get(key.references);
    const exchange = plan.tables.find(
      ({ live }) => target && live.schema === target.schema && live.name === target.name,
    );
    if (!exchange || !key.validated) continue;
    const pairs = key.columns.map(
      (column, index) => [identifier(column), identifier(key.targetColumns[index] ?? '')] as const,
    );
    const held = / PERIOD /.test(key.definition)
      ? coversSql(pairs, exchange.incoming)
      : existsSql(pairs, exchange.incoming);
    const sql = `SELECT count(*) AS n FROM ${quoteName(key.table)} o
      WHERE ${pairs.map(([column]) => `o.${column} IS NOT NULL`).join(' AND ')} AND NOT ${held}`;
    const { rows } = await client.query<{ n: string }>(sql);
    if (rows[0] && rows[0].n !== '0')
      found.push(
        `${rows[0].n} rows of ${displayName(key.table)} point (${key.name}) at rows of ${displayName(exchange.live)} that ${displayName(exchange.incoming)} does not have`,
      );
  }
  return found;
}

type ColumnPairs = readonly (readonly [own: string, other: string])[];

function existsSql(pairs: ColumnPairs, incoming: Name): string {
  const same = pairs.map(([column, other]) => `i.${other} = o.${column}`).join(' AND ');
  return `EXISTS (SELECT FROM ${quoteName(incoming)} i WHERE ${same})`;
}

/** Of a key over a period: the periods of the rows it points at together hold its own, which is its last column. */
function coversSql(pairs: ColumnPairs, incoming: Name): string {
  const same = pairs
    .slice(0, -1)
    .map(([column, other]) => `i.${other} = o.${column}`)
    .join(' AND ');
  const [column, other] = pairs.at(-1) ?? ['', ''];
  return `coalesce((SELECT pg_catalog.range_agg(i.${other}) OPERATOR(pg_catalog.@>) o.${column} FROM ${quoteName(incoming)} i WHERE ${same}), false)`;
}
