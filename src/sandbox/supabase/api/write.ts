import type { Answer, SandboxRequest } from '../../core/upstream.ts';
import { PgError } from '../pg-error.ts';
import type { Row } from '../schema.ts';
import type { Table } from '../store.ts';
import { parseOrder, parseSelect, unquote } from './columns.ts';
import { type ApiContext, noContent, preferenceHeaders, rowsAnswer } from './context.ts';
import { parseFilters, selectRows } from './filters.ts';

/** `PATCH`: changes every row that meets the filters; without filters, all. Row-level security hides all rows from `anon`. Throws PgError. */
export function updateRows(request: SandboxRequest, context: ApiContext): Answer {
  const { table, settings, clock } = context;
  const [changes = {}, second] = parseObjects(request.body);
  if (second !== undefined) throw new PgError('PGRST102', 'All object keys must match');
  const cells = table.cells(changes);
  const affected = selectAffected(request, context);
  const triggered =
    settings.touch === 1 && 'updated_at' in table.schema.columns ? { updated_at: clock.now() * 1000 } : {};
  const update = (row: Row) => table.update(row, { ...triggered, ...cells });
  const after = Object.keys(cells).length === 0 ? [] : runAtomically(affected, update, table);
  return writeAnswer(200, after, request, context);
}

/** `DELETE`: deletes every row that meets the filters and answers the deleted rows. Throws PgError. */
export function deleteRows(request: SandboxRequest, context: ApiContext): Answer {
  const affected = selectAffected(request, context);
  for (const row of affected) context.table.delete(row);
  return writeAnswer(200, affected, request, context);
}

/** `POST`: inserts all rows or none; with a resolution, upserts them. Throws PgError. */
export function insertRows(request: SandboxRequest, context: ApiContext): Answer {
  const { table, role, preferences } = context;
  if (role === 'anon') {
    throw new PgError('42501', `new row violates row-level security policy for table "${table.name}"`);
  }
  const only = request.query.get('columns')?.split(',').map(unquote);
  const objects = parseObjects(request.body);
  if (only === undefined) assertSameKeys(objects);
  const rows = objects.map((object) => table.cells(only === undefined ? object : pick(object, only)));
  const target = request.query.get('on_conflict') ?? table.schema.key;
  if (preferences.resolution !== undefined) assertDistinct(rows.map((row) => row[target]));
  const existing = rows.map((row) => (row[target] === undefined ? undefined : table.findConflicting(row, target)));
  if (preferences.resolution === undefined) assertNoKeyConflict(rows, table.schema.key, existing, table.name);
  const upsert = (row: Row) => {
    const current = existing[rows.indexOf(row)];
    if (current === undefined) return table.insert(row);
    return preferences.resolution === 'merge-duplicates' ? table.update(current, row) : undefined;
  };
  const after = runAtomically(rows, upsert, table);
  return writeAnswer(existing.includes(undefined) ? 201 : 200, after, request, context);
}

/** Applies the step to all rows as one statement: when a row violates a constraint, the rows before it are restored. */
function runAtomically(rows: readonly Row[], step: (row: Row) => Row | undefined, table: Table): Row[] {
  const before = rows.map((row) => table.get(table.keyOf(row)));
  const done: Row[] = [];
  try {
    for (const row of rows) done.push(...[step(row) ?? []].flat());
    return done;
  } catch (thrown) {
    for (const row of done) table.delete(row);
    for (const row of before) if (row !== undefined && table.get(table.keyOf(row)) === undefined) table.insert(row);
    throw thrown;
  }
}

function selectAffected(request: SandboxRequest, { table, role, preferences }: ApiContext): Row[] {
  const filters = parseFilters(request.query, table);
  const order = parseOrder(request.query.get('order'), table);
  const limit = Number(request.query.get('limit') ?? Number.POSITIVE_INFINITY);
  const rows = role === 'anon' ? [] : selectRows(table, filters, order, Number.POSITIVE_INFINITY).slice(0, limit);
  const { maxAffected = Number.POSITIVE_INFINITY } = preferences;
  if (rows.length <= maxAffected) return rows;
  const details = `The query affects ${rows.length} rows`;
  throw new PgError('PGRST124', 'Query result exceeds max-affected preference constraint', details);
}

function writeAnswer(status: number, rows: readonly Row[], request: SandboxRequest, context: ApiContext): Answer {
  const { table, preferences } = context;
  const total = preferences.count ? rows.length : '*';
  const range = status === 201 ? `*/${total}` : `${rows.length === 0 ? '*' : `0-${rows.length - 1}`}/${total}`;
  const headers = { 'content-range': range, ...preferenceHeaders(preferences) };
  for (const row of rows) context.touched.push(table.keyOf(row));
  if (!preferences.representation) return noContent(status === 201 ? 201 : 204, headers);
  return rowsAnswer(status, rows, parseSelect(request.query.get('select'), table), request, headers);
}

function assertSameKeys(objects: readonly Readonly<Record<string, unknown>>[]): void {
  const shapes = new Set(objects.map((object) => Object.keys(object).sort().join()));
  if (shapes.size > 1) throw new PgError('PGRST102', 'All object keys must match');
}

/** Throws PgError 21000 when two rows have the same conflict target. It is answered 500, but it is not transient. */
function assertDistinct(targets: readonly unknown[]): void {
  const given = targets.filter((target) => target !== undefined && target !== null).map(String);
  if (new Set(given).size === given.length) return;
  const hint = 'Ensure that no rows proposed for insertion within the same command have duplicate constrained values.';
  throw new PgError('21000', 'ON CONFLICT DO UPDATE command cannot affect row a second time', null, hint);
}

function assertNoKeyConflict(
  rows: readonly Row[],
  key: string,
  existing: readonly (Row | undefined)[],
  table: string,
): void {
  const given = rows.map((row) => row[key]).filter((value) => value !== undefined && value !== null);
  const taken =
    existing.find((row) => row !== undefined)?.[key] ?? given.find((value, i) => given.indexOf(value) !== i);
  if (taken === undefined) return;
  const message = `duplicate key value violates unique constraint "${table}_pkey"`;
  throw new PgError('23505', message, `Key (${key})=(${String(taken)}) already exists.`);
}

function pick(object: Readonly<Record<string, unknown>>, columns: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column) => [column, object[column] ?? null]));
}

/** The objects of a body: one, or a list. Throws PgError PGRST102 on any other body. */
function parseObjects(body: Buffer): Readonly<Record<string, unknown>>[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new PgError('PGRST102', 'Empty or invalid json');
  }
  const objects = [value].flat();
  if (objects.some((object) => typeof object !== 'object' || object === null)) {
    throw new PgError('PGRST102', 'Empty or invalid json');
  }
  return objects as Readonly<Record<string, unknown>>[];
}
