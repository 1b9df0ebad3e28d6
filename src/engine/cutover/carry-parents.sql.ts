import type pg from 'pg';
import type { Conflict, Exchange } from '../../contract/cutover.ts';
import { identifier, literal } from '../../plan/sql.ts';
import { type CarryTarget, parentsFirst, readTarget } from './carry-target.sql.ts';
import { keyOf } from './catalog.ts';
import { displayName, quoteName } from './names.ts';
import { noteCarried } from './records.sql.ts';
import type { RollbackKey } from './types.ts';

/**
 * Rows that only the tables about to leave have, and that something written since points at: an order of a customer
 * whom only the new system knows. They come along into the restored tables, or what points at them would be lost.
 */
interface Edge {
  readonly child: string;
  readonly childName: string;
  readonly parent: Exchange;
  readonly columns: readonly string[];
  readonly targets: readonly string[];
}

// Chains of parents longer than this are not followed; a circle of keys would have no end.
const maxDepth = 4;

const edgesSql = `
SELECT format('%I.%I', n.nspname, c.relname) AS child, n.nspname || '.' || c.relname AS "childName",
  p.n::int - 1 AS parent,
  (SELECT array_agg(a.attname::text ORDER BY u.o) FROM unnest(k.conkey) WITH ORDINALITY u (n, o)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n) AS columns,
  (SELECT array_agg(a.attname::text ORDER BY u.o) FROM unnest(k.confkey) WITH ORDINALITY u (n, o)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n) AS targets
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN unnest($1::regclass[]) WITH ORDINALITY p (oid, n) ON p.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0`;

async function readEdges(client: pg.PoolClient, tables: readonly Exchange[]): Promise<Edge[]> {
  const { rows } = await client.query<Omit<Edge, 'parent'> & { parent: number }>(edgesSql, [
    tables.map(({ live }) => quoteName(live)),
  ]);
  return rows.flatMap((row) => {
    const parent = tables[row.parent];
    return parent ? [{ ...row, parent }] : [];
  });
}

/** Parents of the changes of a page. */
export async function copyParents(
  client: pg.PoolClient,
  { ofStamp, tables }: RollbackKey,
  ids: readonly string[],
): Promise<Conflict[]> {
  const edges = await readEdges(client, tables);
  const notes: Conflict[] = [];
  for (const edge of edges) {
    const child = tables.find(({ live }) => quoteName(live) === edgeChild(edge, tables));
    if (!child) continue;
    const refs = `SELECT r.* FROM drover.cutover_changes c, jsonb_populate_record(NULL::${quoteName(child.live)}, c.new) r
      WHERE c.id = ANY ('{${ids.map(BigInt).join(',')}}'::bigint[]) AND c.new IS NOT NULL
      AND c.schema_name = ${literal(child.live.schema)} AND c.table_name = ${literal(child.live.name)}`;
    notes.push(...(await copyMissingParents(client, edges, edge, refs, ofStamp ?? '')));
  }
  return notes;
}

/** Parents of rows in tables outside the set, whose keys will point at the restored tables. */
export async function copyParentsOfOutsideRows(
  client: pg.PoolClient,
  { stamp, ofStamp, tables }: RollbackKey,
): Promise<Conflict[]> {
  const edges = await readEdges(client, tables);
  const notes: Conflict[] = [];
  const targets: CarryTarget[] = [];
  for (const exchange of await parentsFirst(client, tables)) targets.push(await readTarget(client, exchange));
  for (const target of targets) await target.disableTriggers();
  for (const edge of edges) {
    if (edgeChild(edge, tables) !== undefined) continue;
    notes.push(...(await copyMissingParents(client, edges, edge, `SELECT * FROM ${edge.child}`, ofStamp ?? '')));
  }
  for (const target of targets) await target.enableTriggers();
  await noteCarried(client, stamp, { carried: 0, conflicts: notes });
  return notes;
}

function edgeChild(edge: Edge, tables: readonly Exchange[]): string | undefined {
  const own = tables.find(({ live }) => displayName(live) === edge.childName);
  return own && quoteName(own.live);
}

/** The parents of parents first. What cannot be brought is left; the change that needs it then becomes a conflict. */
async function copyMissingParents(
  client: pg.PoolClient,
  edges: readonly Edge[],
  edge: Edge,
  refs: string,
  stamp: string,
  depth = 1,
): Promise<Conflict[]> {
  const live = quoteName(edge.parent.live);
  const restored = quoteName(edge.parent.incoming);
  const pair = (one: string, other: string) =>
    edge.targets
      .map(
        (column, at) =>
          `${one}.${identifier(column)} = ${other}.${identifier(other === 'f' ? (edge.columns[at] ?? '') : column)}`,
      )
      .join(' AND ');
  // A row whose key was changed since is in the backup under its old key, and gets the new one by the change itself.
  const keyOfImage = (image: string) => edge.targets.map((column) => `${image} -> ${literal(column)}`).join(', ');
  const renamed = `SELECT FROM drover.cutover_changes w CROSS JOIN LATERAL jsonb_populate_record(NULL::${live}, w.new) u
    WHERE w.schema_name = ${literal(edge.parent.live.schema)} AND w.table_name = ${literal(edge.parent.live.name)}
    AND w.operation = 'UPDATE' AND w.stamp >= ${literal(stamp)} AND NOT (${literal(stamp)} = ANY (w.carried_into))
    AND jsonb_build_array(${keyOfImage('w.old')}) <> jsonb_build_array(${keyOfImage('w.new')}) AND ${pair('p', 'u')}`;
  const needed = `SELECT p.* FROM ${live} p WHERE EXISTS (SELECT FROM (${refs}) f WHERE ${pair('p', 'f')})
    AND NOT EXISTS (SELECT FROM ${restored} b WHERE ${pair('p', 'b')}) AND NOT EXISTS (${renamed})`;
  const notes: Conflict[] = [];
  if (depth < maxDepth)
    for (const next of edges.filter(
      (one) => one.childName === displayName(edge.parent.live) && keyOf(one.parent.live) !== keyOf(edge.parent.live),
    ))
      notes.push(...(await copyMissingParents(client, edges, next, needed, stamp, depth + 1)));
  const { columns, key } = await readTarget(client, edge.parent);
  const list = columns.map(identifier).join(', ');
  const text = `INSERT INTO ${restored} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM (${needed}) x
    ON CONFLICT DO NOTHING RETURNING concat_ws(', ', ${key.map((column) => `${identifier(column)}::text`).join(', ')}) AS key`;
  await client.query('SAVEPOINT parents');
  try {
    const { rows } = await client.query<{ key: string }>(text);
    const detail = `not in the backup, but ${edge.childName} points at it: brought along`;
    notes.push(...rows.map((row) => ({ table: displayName(edge.parent.live), key: row.key, detail })));
  } catch (error) {
    if (!(error as { code?: string }).code) throw error;
    await client.query('ROLLBACK TO SAVEPOINT parents');
  }
  await client.query('RELEASE SAVEPOINT parents');
  return notes;
}
