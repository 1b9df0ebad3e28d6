import type pg from 'pg';
import type { DecideUndo, RollbackScope, Suspect, UndoResult } from '../../src/engine/rollback/ports.ts';
import { qualified } from '../../src/plan/sql.ts';
import { prepared, type Row, transaction } from '../sql.ts';
import { changesOfMissingTableSql, changesSql } from './classify.ts';
import { textSettings, undoSettings } from './session.ts';
import { conflictsSql, undoSteps } from './steps/index.ts';
import { createWorkTableSql, filledColumnNames } from './work-table.ts';

/** Thrown to take a trial back. */
class DryRunRollback extends Error {
  readonly undone: UndoResult;

  constructor(undone: UndoResult) {
    super('only tried');
    this.undone = undone;
  }
}

/** Undoes a run in one transaction. A dry run does all of it and takes it back, so what it says is what would happen. */
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
  // A hundred thousand rows take longer than a statement usually may.
  for (const text of ['SET LOCAL statement_timeout = 0', ...textSettings, ...undoSettings(scope)])
    await runStatement(client, text);
  await runStatement(client, createWorkTableSql);
  // The planner may not know yet what the run has made of these.
  await runStatement(client, 'ANALYZE drover.changes, drover.identities');
  for (const [place, table] of scope.tables.entries()) {
    const there = await hasTable(client, scope.schema, table.table);
    if (there) {
      await runStatement(client, `ANALYZE ${qualified(scope.schema, table.table)}`);
      // Locked before they are looked at: what is said of them must hold until the end.
      await runStatement(client, lockRowsSql(scope.schema, table.table), [scope.runId, scope.scope, table.entity]);
    }
    const changes = there ? changesSql(scope.schema, table, place) : changesOfMissingTableSql(table, place);
    await runStatement(client, fillSql(changes), [scope.runId, scope.scope]);
  }
  await excludeChangedRows(client, decideUndo);
  for (const text of undoSteps) await runStatement(client, text);
  return readResult(client);
}

// The pool gives up on an answer after a while; here the server decides how long it takes.
const queryTimeoutMs = 6 * 3_600_000;

async function runStatement(client: pg.PoolClient, text: string, values: readonly unknown[] = []): Promise<void> {
  const query = { text, values: [...values], query_timeout: queryTimeoutMs };
  await client.query(query);
}

async function hasTable(client: pg.PoolClient, schema: string, table: string): Promise<boolean> {
  const text = 'SELECT to_regclass($1) IS NOT NULL AS there';
  const rows = await prepared<{ there: boolean }>(client, undefined, text, [qualified(schema, table)]);
  return rows[0]?.there ?? false;
}

const lockRowsSql = (schema: string, table: string): string => `
SELECT 1 FROM ${qualified(schema, table)} t JOIN drover.changes c ON c.target_id::uuid = t.id
WHERE c.run_id = $1 AND c.scope = $2 AND c.entity = $3 AND c.operation <> 'alias' ORDER BY t.id FOR UPDATE OF t`;

const fillSql = (changes: string): string => `
INSERT INTO drover_undo (${filledColumnNames}, suspect)
SELECT change_id, place, entity, source_id, table_name, target_id, operation, before, identity_before,
  CASE WHEN detail IS NULL AND (untouched OR NOT suspect) THEN print END, detail, suspect
FROM (${changes}) c`;

/** Rows whose last writer is not known: those that hold something else than the run wrote are left alone. */
async function excludeChangedRows(client: pg.PoolClient, decideUndo: DecideUndo): Promise<void> {
  const suspects = await prepared<Suspect & Row>(
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
  const [counts] = await prepared<{ removed: number; restored: number }>(
    client,
    undefined,
    `SELECT count(*) FILTER (WHERE operation = 'insert')::int AS removed,
  count(*) FILTER (WHERE operation IN ('update', 'remove'))::int AS restored FROM drover_undo WHERE state = 'done'`,
    [],
  );
  const rows = await prepared<{ entity: string; target_id: string; detail: string }>(
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
