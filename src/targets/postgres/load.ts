import { createHash } from 'node:crypto';
import { emailSpellings } from '../../email.ts';
import { type Entity, emailColumnsOf } from '../../plan/contract.ts';
import type { Json } from '../../plan/json.ts';
import type { SqlPort } from '../../plan/sql.ts';
import type { LandedResult, LoadOptions, LoadResult, TargetRow, TargetScope } from '../../plan/target.ts';
import { columnsOf, type Statements, spellingsOf, statementsFor } from './statements.ts';

interface LocatedRow extends Record<string, unknown> {
  readonly n: number;
  readonly known_id: string | null;
  readonly known_hash: string | null;
  readonly known_run: string | null;
  /** The record that this one was merged into in an earlier run. */
  readonly merged_into: string | null;
  readonly row_id: string | null;
  readonly key_id: string | null;
  readonly key_owner: string | null;
  /** Every row with the natural key in any spelling; null or of one element without a duplicate. */
  readonly key_ids: string[] | null;
  /** True when the row found has the natural key in the record's own spelling. */
  readonly key_exact: boolean | null;
  /** Values of the existing row that are to be kept, by column; null when there are none. */
  readonly kept: Readonly<Record<string, Json>> | null;
}

/**
 * Loads rows in two statements: the first locates each, the second writes all. The second may be repeated at any time: it
 * is an upsert by id, and the before-image of the first time is kept.
 */
export async function loadRows(
  sql: SqlPort,
  table: TargetTable,
  scope: TargetScope,
  rows: readonly TargetRow[],
  options: LoadOptions,
): Promise<LoadResult[]> {
  const located = await locate(sql, table, scope, rows);
  const results: LoadResult[] = [];
  const writes: Write[] = [];
  for (const [index, row] of rows.entries()) {
    const at = located.get(index);
    const result = classifyRow(row, at, scope.runId, options);
    results.push(result.kind === 'updated' || result.kind === 'unchanged' ? withNotes(result, row, at) : result);
    if (result.kind === 'inserted' || result.kind === 'updated')
      writes.push({ row, id: result.targetId, kept: result.kind === 'updated' ? Object.keys(at?.kept ?? {}) : [] });
  }
  if (writes.length > 0 && !options.dryRun) await write(sql, table, scope, writes);
  return results;
}

async function locate(
  sql: SqlPort,
  table: TargetTable,
  scope: TargetScope,
  rows: readonly TargetRow[],
): Promise<Map<number, LocatedRow>> {
  const { target } = table.entity;
  const { naturalKey: key = [], columns } = target;
  const read = [...key, ...Object.keys(columns).filter((name) => columns[name]?.keepExisting)];
  const emails = emailColumnsOf(target);
  const input = rows.map((row, n) => ({
    n,
    source_id: row.sourceId,
    target_id: row.targetId,
    ...Object.fromEntries(read.map((column) => [column, row.row[column] ?? null])),
    ...Object.fromEntries(emails.map((column) => [spellingsOf(column), emailSpellings(row.row[column])])),
  }));
  const values = [JSON.stringify(input), table.scope, scope.entity];
  const found = await sql.query<LocatedRow>(`locate ${table.name}`, table.statements.locate, values);
  return new Map(found.map((row) => [row.n, row]));
}

/** Decides what happens to one row, from the rows found by its id and by its natural key. */
function classifyRow(row: TargetRow, at: LocatedRow | undefined, runId: string, options: LoadOptions): LoadResult {
  if (!at) return { kind: 'inserted', targetId: row.targetId };
  const own = at.known_id ?? row.targetId;
  // Merged in an earlier run, and this run did not read its survivor (an incremental run reads changed records only).
  if (at.merged_into !== null && !row.aliases?.includes(at.merged_into))
    return { kind: 'taken', targetId: own, bySourceId: at.merged_into };
  if (at.key_id !== null && at.key_id !== at.row_id) {
    // Another row has the natural key: the row of another source record, or one that existed before.
    if (at.key_owner !== null && at.key_owner !== row.sourceId)
      return { kind: 'taken', targetId: at.key_id, bySourceId: at.key_owner };
    if (at.row_id !== null) return { kind: 'refused', message: `its natural key belongs to the row ${at.key_id}` };
    if (!at.key_exact && at.key_ids !== null && at.key_ids.length > 1) {
      const message = `its natural key is in ${at.key_ids.length} rows of the target in other spellings: ${at.key_ids.join(', ')}`;
      return { kind: 'refused', message };
    }
    return options.skipExisting ? { kind: 'exists', targetId: at.key_id } : { kind: 'updated', targetId: at.key_id };
  }
  if (at.row_id === null) return { kind: 'inserted', targetId: own };
  // Written by this run already, but the worker died before it stored the result: the load is repeated.
  if (at.known_run === runId) return { kind: 'updated', targetId: own };
  if (!row.forceWrite && at.known_hash === row.hash) return { kind: 'unchanged', targetId: own };
  return options.skipExisting ? { kind: 'exists', targetId: own } : { kind: 'updated', targetId: own };
}

/** Adds what was kept of the existing row, and the other rows that have the natural key. */
function withNotes(result: LandedResult, row: TargetRow, at: LocatedRow | undefined): LandedResult {
  const others = (at?.key_ids ?? []).filter((id) => id !== result.targetId);
  const notes = [
    ...(result.kind === 'updated' ? keptNotes(row, at) : []),
    ...(others.length > 0
      ? [`the target has its natural key in another spelling in the row ${others.join(', ')}`]
      : []),
  ];
  return notes.length > 0 ? { ...result, notes } : result;
}

function keptNotes(row: TargetRow, at: LocatedRow | undefined): string[] {
  return Object.entries(at?.kept ?? {}).map(([column, value]) => {
    const source = row.row[column] ?? null;
    return `${column} keeps ${String(value ?? 'no value')} of the existing row; the source has ${String(source ?? 'no value')}`;
  });
}

interface Write {
  readonly row: TargetRow;
  readonly id: string;
  /** Columns that keep the value of the existing row. */
  readonly kept: readonly string[];
}

async function write(sql: SqlPort, table: TargetTable, scope: TargetScope, writes: readonly Write[]): Promise<void> {
  const input = writes.map(({ row, id, kept }) => ({
    ...row.row,
    _source_id: row.sourceId,
    _hash: row.hash,
    _aliases: row.aliases ?? [],
    _kept: kept,
    id,
  }));
  const values = [
    ...[JSON.stringify(input), table.scope, scope.entity, scope.runId, table.entity.target.table],
    ...(scope.sharingEntities.length > 0 ? [scope.sharingEntities] : []),
  ];
  await sql.query(`apply ${table.name}`, table.statements.apply, values);
}

/** A target table with the statements for the columns that exist. */
interface TargetTable {
  /** Part of the names of its prepared statements. */
  readonly name: string;
  /** Scope of its identities. */
  readonly scope: string;
  readonly entity: Entity;
  readonly columns: readonly string[];
  readonly statements: Statements;
}

export interface TableCache {
  of(scope: TargetScope): Promise<TargetTable>;
  /** Drops the cached tables of a schema after they were created or changed. */
  invalidate(targetSchema: string): void;
}

/** Reads each table's columns once and keeps its statements. */
export function createTableCache(sql: SqlPort): TableCache {
  const known = new Map<string, Promise<TargetTable>>();

  async function build(scope: TargetScope): Promise<TargetTable> {
    const columns = await columnsOf(sql, scope.targetSchema, scope.definition);
    const statements = statementsFor(scope.targetSchema, scope.definition, columns, scope.sharingEntities.length > 0);
    return {
      // A hash of their text: PostgreSQL refuses a prepared statement of the same name with another text, and several
      // targets may share a pool. Shortened, because PostgreSQL cuts names at 63 bytes.
      name: createHash('sha256').update(Object.values(statements).join()).digest('hex').slice(0, 16),
      scope: `${scope.plan}/${scope.targetSchema}`,
      entity: scope.definition,
      columns: columns.map((column) => column.name),
      statements,
    };
  }

  return {
    of(scope) {
      const key = `${scope.targetSchema}/${scope.plan}/${scope.entity}`;
      const found = known.get(key);
      if (found) return found;
      const made = build(scope);
      known.set(key, made);
      made.catch(() => known.delete(key));
      return made;
    },
    invalidate(targetSchema) {
      for (const key of known.keys()) if (key.startsWith(`${targetSchema}/`)) known.delete(key);
    },
  };
}
