import type pg from 'pg';
import { queryPrepared, type Row, transaction } from '../../../db/sql.ts';
import { literal, qualified } from '../../plan/sql.ts';
import type { DecideUndo, RollbackScope, RollbackTable, Suspect, UndoResult } from './types.ts';
import { conflictsSql, undoSteps } from './undo-steps.sql.ts';

/** Thrown to roll the transaction of a dry run back. */
class DryRunRollback extends Error {
  readonly undone: UndoResult;

  constructor(undone: UndoResult) {
    super('dry run');
    this.undone = undone;
  }
}

/** Undoes a run in one transaction. A dry run does the same and rolls the transaction back, so its result is exact. */
export async function undo(
  pool: pg.Pool,
  scope: RollbackScope,
  decideUndo: DecideUndo,
  dryRun: boolean,
): Promise<UndoResult> {
  try {
    return await transaction(pool, async (client) => {
      const undone = await undoInTransaction(client, scope, decideUndo);
      if (dryRun) throw new DryRunRollback(undone);
      return undone;
    });
  } catch (thrown) {
    const cause = (thrown as { cause?: unknown }).cause;
    if (cause instanceof DryRunRollback) return cause.undone;
    throw thrown;
  }
}

async function undoInTransaction(
  client: pg.PoolClient,
  scope: RollbackScope,
  decideUndo: DecideUndo,
): Promise<UndoResult> {
  // A hundred thousand rows take longer than the usual limit of a statement.
  for (const text of ['SET LOCAL statement_timeout = 0', ...textSettings, ...undoSettings(scope)])
    await runStatement(client, text);
  await runStatement(client, createWorkTableSql);
  // The planner may not have statistics after the run yet.
  await runStatement(client, 'ANALYZE drover.changes, drover.identities');
  for (const [place, table] of scope.tables.entries()) {
    const exists = await hasTable(client, scope.schema, table.table);
    if (exists) {
      await runStatement(client, `ANALYZE ${qualified(scope.schema, table.table)}`);
      // Locked before they are read, so that they stay as read until the end.
      await runStatement(client, lockRowsSql(scope.schema, table.table), [scope.runId, scope.scope, table.entity]);
    }
    const changes = exists ? changesSql(scope.schema, table, place) : changesOfMissingTableSql(table, place);
    await runStatement(client, fillSql(changes), [scope.runId, scope.scope]);
  }
  await excludeChangedRows(client, decideUndo);
  for (const text of undoSteps) await runStatement(client, text);
  return readResult(client);
}

// Overrides the pool's time limit for an answer, which is shorter.
const queryTimeoutMs = 6 * 3_600_000;

async function runStatement(client: pg.PoolClient, text: string, values: readonly unknown[] = []): Promise<void> {
  const query = { text, values: [...values], query_timeout: queryTimeoutMs };
  await client.query(query);
}

async function hasTable(client: pg.PoolClient, schema: string, table: string): Promise<boolean> {
  const text = 'SELECT to_regclass($1) IS NOT NULL AS exists';
  const rows = await queryPrepared<{ exists: boolean }>(client, undefined, text, [qualified(schema, table)]);
  return rows[0]?.exists ?? false;
}

const lockRowsSql = (schema: string, table: string): string => `
SELECT 1 FROM ${qualified(schema, table)} t JOIN drover.changes c ON c.target_id::uuid = t.id
WHERE c.run_id = $1 AND c.scope = $2 AND c.entity = $3 AND c.operation <> 'alias' ORDER BY t.id FOR UPDATE OF t`;

const fillSql = (changes: string): string => `
INSERT INTO drover_undo (${filledColumnNames}, suspect)
SELECT change_id, place, entity, source_id, table_name, target_id, operation, before, identity_before,
  CASE WHEN detail IS NULL AND (untouched OR NOT suspect) THEN print END, detail, suspect
FROM (${changes}) c`;

/** Decides the rows whose last writer is not known: those that hold something else than the run wrote stay as they are. */
async function excludeChangedRows(client: pg.PoolClient, decideUndo: DecideUndo): Promise<void> {
  const suspects = await queryPrepared<Suspect & Row>(
    client,
    undefined,
    `SELECT change_id::text AS "changeId", entity, source_id AS "sourceId", target_id::text AS "targetId"
FROM drover_undo WHERE suspect AND print IS NOT NULL ORDER BY change_id`,
    [],
  );
  if (suspects.length === 0) return;
  const cleared = await decideUndo(suspects);
  await runStatement(client, 'UPDATE drover_undo SET print = NULL WHERE suspect AND change_id <> ALL ($1::bigint[])', [
    cleared,
  ]);
}

async function readResult(client: pg.PoolClient): Promise<UndoResult> {
  const [counts] = await queryPrepared<{ removed: number; restored: number }>(
    client,
    undefined,
    `SELECT count(*) FILTER (WHERE operation = 'insert')::int AS removed,
  count(*) FILTER (WHERE operation IN ('update', 'remove'))::int AS restored FROM drover_undo WHERE state = 'done'`,
    [],
  );
  const rows = await queryPrepared<{ entity: string; target_id: string; detail: string }>(
    client,
    undefined,
    conflictsSql,
    [],
  );
  return {
    removed: counts?.removed ?? 0,
    restored: counts?.restored ?? 0,
    conflicts: rows.map((row) => ({ entity: row.entity, targetId: row.target_id, detail: row.detail })),
  };
}

/**
 * The changes of a run to one table, with the last writer of each row. A load writes row and identity in one statement, so
 * both carry the same transaction id (`xmin`): where they agree, the row is as that load left it, and the identity names
 * the run. Costs nothing at load and detects every later write, by any client. After a rewrite of the table (a restored
 * dump, a changed column type) no row agrees, and each is a `suspect` that has to be compared.
 *
 * In a suspect, the columns that the run did not write must be what they were (`untouched`); otherwise another client has
 * written into the row. $1 run, $2 scope.
 */
export function changesSql(schema: string, table: RollbackTable, place: number): string {
  const name = qualified(schema, table.table);
  const written = textArray(table.written);
  const all = textArray([...table.written, ...table.insertOnly, 'id']);
  const generated = `ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = ${literal(name)}::regclass AND attgenerated <> '')`;
  return `
SELECT c.id AS change_id, ${place}::int AS place, c.entity, c.source_id, c.table_name, c.target_id::uuid AS target_id,
  c.operation, c.before, c.identity_before, md5(to_jsonb(t)::text) AS print,
  CASE WHEN writer.run_id <> $1 THEN 'run ' || writer.run_id || ' has written it since: roll that one back first' END AS detail,
  c.operation NOT IN ('alias', 'remove') AND t.id IS NOT NULL AND writer.run_id IS NULL AS suspect,
  CASE c.operation
    WHEN 'update' THEN (to_jsonb(t) - ${written})::text = (to_jsonb(jsonb_populate_record(t, c.before)) - ${written})::text
    ELSE to_jsonb(t) - ${all} - ${generated} = '{}'
  END AS untouched
FROM drover.changes c
LEFT JOIN ${name} t ON t.id = c.target_id::uuid AND c.operation <> 'alias'
LEFT JOIN LATERAL (
  SELECT i.run_id FROM drover.identities i
  -- Of any entity, because several may write into one table.
  WHERE i.scope = $2 AND i.target_id = c.target_id AND NOT i.merged AND i.xmin = t.xmin LIMIT 1
) writer ON true
WHERE c.run_id = $1 AND c.scope = $2 AND c.entity = ${literal(table.entity)}`;
}

/** The same for a table that does not exist any more. $1 run, $2 scope. */
export function changesOfMissingTableSql(table: RollbackTable, place: number): string {
  return `
SELECT c.id AS change_id, ${place}::int AS place, c.entity, c.source_id, c.table_name, c.target_id::uuid AS target_id,
  c.operation, c.before, c.identity_before, NULL::text AS print, NULL::text AS detail, false AS suspect, true AS untouched
FROM drover.changes c WHERE c.run_id = $1 AND c.scope = $2 AND c.entity = ${literal(table.entity)}`;
}

const textArray = (names: readonly string[]): string => `ARRAY[${names.map(literal).join(', ')}]::text[]`;

/**
 * The changes to undo, one row per change. The script fills it from literals, `undo` from drover.changes; the statements
 * after that are the same.
 *
 * - `place`: order of loading; rows are removed in reverse order.
 * - `operation`: `insert`, `update`, `remove` of a duplicate row, or `alias` for a change that made an identity and wrote
 *   no row.
 * - `print`: hash of the row as the run left it. A row with another hash was changed since. Null where it had been changed
 *   already when this table was filled.
 * - `suspect`: the row was written after the run's load, and `DecideUndo` compares its content; only `undo` uses it.
 * - `state`: `open`, `done`, `gone` (already removed, or already put back, by another client), `conflict`.
 */
export const createWorkTableSql = `CREATE TEMPORARY TABLE drover_undo (
  change_id bigint PRIMARY KEY, place int NOT NULL, entity text NOT NULL, source_id text NOT NULL,
  table_name text NOT NULL, target_id uuid NOT NULL, operation text NOT NULL, before jsonb, identity_before jsonb,
  print text, detail text, suspect boolean NOT NULL DEFAULT false, state text NOT NULL DEFAULT 'open', blocked text
) ON COMMIT DROP`;

/** The columns that are filled; `state`, `blocked` and `suspect` have defaults. */
export const filledColumns = [
  'change_id bigint',
  'place int',
  'entity text',
  'source_id text',
  'table_name text',
  'target_id uuid',
  'operation text',
  'before jsonb',
  'identity_before jsonb',
  'print text',
  'detail text',
] as const;

export const filledColumnNames = filledColumns.map((column) => column.split(' ')[0]).join(', ');

/**
 * Rows are compared by a hash of their text, so the sessions that make and check it must format times, floats and bytes
 * alike. For the transaction only.
 */
export const textSettings = [
  'SET LOCAL standard_conforming_strings = on',
  "SET LOCAL timezone = 'UTC'",
  "SET LOCAL datestyle = 'ISO, MDY'",
  "SET LOCAL intervalstyle = 'postgres'",
  "SET LOCAL bytea_output = 'hex'",
  'SET LOCAL extra_float_digits = 1',
];

/** Passes the run to the statements by settings, so that their text is the same for every run. */
export function undoSettings(scope: RollbackScope): string[] {
  const settings = { undo_run: scope.runId, undo_scope: scope.scope, undo_schema: scope.schema };
  return Object.entries(settings).map(
    ([name, value]) => `SELECT set_config('drover.${name}', ${literal(value)}, true)`,
  );
}
