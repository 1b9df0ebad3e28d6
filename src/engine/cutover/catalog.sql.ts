import type pg from 'pg';
import type { TablePair } from '../../contract/cutover.ts';
import { type Catalog, type Column, type Index, keyOf, type Statistics, type Table } from './catalog.ts';
import {
  columnsSql,
  constraintsSql,
  defaultPrivilegesSql,
  dependentsSql,
  incomingKeysSql,
  indexesSql,
  obstaclesSql,
  policiesSql,
  publicationsSql,
  rulesSql,
  sequencesSql,
  statisticsSql,
  tablesSql,
  takenNamesSql,
  triggersSql,
  viewsSql,
} from './catalog-queries.sql.ts';

type Row = Record<string, unknown>;
type Client = pg.Pool | pg.PoolClient | pg.Client;

/**
 * Reads all an exchange needs to know. The client must be in a transaction with an empty search_path: only then does
 * PostgreSQL write every name with its schema, so that the text means the same in every session.
 */
export async function readCatalog(client: Client, pairs: readonly TablePair[]): Promise<Catalog> {
  const names = pairs.flatMap((pair) => [pair.incoming, pair.live]);
  const found = await rows<Table>(client, tablesSql, [names.map((one) => one.schema), names.map((one) => one.name)]);
  const oids = found.map((table) => table.oid);
  const parts = await readParts(client, oids);
  const tables = new Map(found.map((table) => [keyOf(table), { ...table, ...parts(table.oid) } as Table]));
  const live = pairs.flatMap((pair) => tables.get(keyOf(pair.live))?.oid ?? []);
  const incoming = pairs.flatMap((pair) => tables.get(keyOf(pair.incoming))?.oid ?? []);
  return {
    tables,
    ...(await readDependents(
      client,
      names.map((one) => one.schema),
      live,
      incoming,
    )),
  };
}

/** One query for each kind of part; gives back what one table has of each. */
async function readParts(client: Client, oids: readonly string[]) {
  const kinds = {
    columns: columnsSql,
    constraints: constraintsSql,
    indexes: indexesSql,
    sequences: sequencesSql,
    ...{ triggers: triggersSql, policies: policiesSql },
    ...{ rules: rulesSql, statistics: statisticsSql },
  };
  const read: Record<string, Row[]> = {};
  for (const [kind, text] of Object.entries(kinds)) read[kind] = await rows(client, text, [oids]);
  return (oid: string) => Object.fromEntries(Object.entries(read).map(([kind, list]) => [kind, partsIn(list, oid)]));
}

/** The rows of one table, without the oid that said so: nothing of the model may depend on it. */
function partsIn(list: readonly Row[], oid: string): Row[] {
  return list.filter((row) => row.of === oid).map(({ of: _of, ...part }) => part);
}

async function readDependents(client: Client, schemas: readonly string[], live: string[], incoming: string[]) {
  const views = await rows<Catalog['views'][number]>(client, viewsSql, [live]);
  const parts = async <T>(text: string) => {
    const found = await rows<T & { of: string }>(client, text, [views.map((view) => view.oid)]);
    return (oid: string) => partsIn(found as unknown as Row[], oid) as unknown as T[];
  };
  const columns = await parts<Column>(columnsSql);
  const indexes = await parts<Index>(indexesSql);
  const statistics = await parts<Statistics>(statisticsSql);
  const version = await rows<{ n: number }>(client, "SELECT current_setting('server_version_num')::int AS n", []);
  return {
    serverVersion: version[0]?.n ?? 0,
    incomingKeys: await rows<Catalog['incomingKeys'][number]>(client, incomingKeysSql, [live, incoming]),
    views: views.map((view) => ({
      ...view,
      columns: columns(view.oid),
      indexes: indexes(view.oid),
      statistics: statistics(view.oid),
    })),
    dependents: await rows<Catalog['dependents'][number]>(client, dependentsSql, [live, incoming]),
    publications: await rows<Catalog['publications'][number]>(client, publicationsSql, [live, incoming]),
    defaultPrivileges: (await rows<{ text: string }>(client, defaultPrivilegesSql, [])).map((row) => row.text),
    obstacles: (await rows<{ text: string }>(client, obstaclesSql, [live])).map((row) => row.text),
    taken: await readTakenNames(client, [...schemas, ...views.map((view) => view.schema)]),
    schemas: new Set(
      (await rows<{ name: string }>(client, 'SELECT nspname AS name FROM pg_namespace', [])).map((row) => row.name),
    ),
  };
}

async function readTakenNames(
  client: Client,
  schemas: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const taken = new Map<string, Set<string>>(schemas.map((schema) => [schema, new Set()]));
  for (const row of await rows<{ schema: string; name: string }>(client, takenNamesSql, [[...taken.keys()]]))
    taken.get(row.schema)?.add(row.name);
  return taken;
}

async function rows<T>(client: Client, text: string, values: readonly unknown[]): Promise<T[]> {
  return (await client.query(text, values as unknown[])).rows as T[];
}
