import type pg from 'pg';
import type { Database } from '../../../db/client.ts';
import { queryPrepared, type Row, transaction } from '../../../db/sql.ts';
import { jsonLiteral, qualified } from '../../plan/sql.ts';
import type { CleanRecord } from '../ledger/types.ts';
import { dropWatermarks } from '../scheduler/watermarks.sql.ts';
import { analyzeTables } from '../validation/target.sql.ts';
import type { DecideUndo, RollbackScope, RollbackTable, Suspect } from './types.ts';
import {
  changesOfMissingTableSql,
  changesSql,
  createWorkTableSql,
  filledColumnNames,
  filledColumns,
  textSettings,
  undo,
  undoSettings,
} from './undo.sql.ts';
import { conflictsSql, outcomeSql, undoSteps } from './undo-steps.sql.ts';

export type RollbackStore = ReturnType<typeof createRollbackStore>;

/** The rollback in the target's database, where changes and identities are stored beside the rows. Throws DroverError. */
export function createRollbackStore(pool: pg.Pool) {
  return {
    undo: (scope: RollbackScope, decideUndo: DecideUndo, dryRun: boolean) => undo(pool, scope, decideUndo, dryRun),
    script: (scope: RollbackScope, decideUndo: DecideUndo) => rollbackScript(pool, scope, decideUndo),
    dropWatermarks: (plan: string, targetSchema: string) => dropWatermarks(pool, plan, targetSchema),
  };
}

const cleans = `
SELECT r.source_id, c.clean FROM drover.records r JOIN drover.cleans c ON c.record_id = r.id
WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id = ANY($3::text[])`;

export type RollbackLedger = ReturnType<typeof createRollbackLedger>;

/** What rollback reads and changes in the control database. Throws DroverError. */
export function createRollbackLedger(database: Database) {
  return {
    /** What the run loaded for these records, by source id: columns, and references by source id. */
    cleans: async (
      runId: string,
      entity: string,
      sourceIds: readonly string[],
    ): Promise<ReadonlyMap<string, CleanRecord>> => {
      const rows = await queryPrepared<{ source_id: string; clean: CleanRecord }>(database.$client, undefined, cleans, [
        runId,
        entity,
        sourceIds,
      ]);
      return new Map(rows.map((row) => [row.source_id, row.clean]));
    },
  };
}

const pageSize = 500;

interface Counted extends Row {
  readonly entity: string;
  readonly table_name: string;
  readonly inserted: number;
  readonly updated: number;
}

const changeCountsSql = `
SELECT entity, table_name, count(*) FILTER (WHERE operation = 'insert')::int AS inserted,
  count(*) FILTER (WHERE operation IN ('update', 'remove'))::int AS updated
FROM drover.changes WHERE run_id = $1 AND scope = $2 GROUP BY 1, 2`;

/**
 * The rollback as one script for psql: a list of what the run wrote, with the content before, and the statements that undo
 * it. It needs nothing but the target's database. Made page by page, each in its own transaction, so that a slow reader
 * keeps no transaction open.
 */
async function* rollbackScript(pool: pg.Pool, scope: RollbackScope, decideUndo: DecideUndo): AsyncGenerator<string> {
  await analyzeTables(
    pool,
    scope.schema,
    scope.tables.map(({ table }) => table),
  );
  const counts = await queryPrepared<Counted>(pool, undefined, changeCountsSql, [scope.runId, scope.scope]);
  yield scriptHead(scope, counts);
  for (const [place, table] of scope.tables.entries()) {
    if (counts.some((count) => count.entity === table.entity))
      yield* tableInserts(pool, scope, table, place, decideUndo);
  }
  yield scriptTail();
}

function scriptHead(scope: RollbackScope, counts: readonly Counted[]): string {
  const lines = [
    `Rolls back run ${scope.runId} of plan ${scope.plan} (${scope.stamp}) in schema ${scope.schema}.`,
    '',
    ...(counts.length === 0 ? ['No change of the run is left to undo: this file changes nothing.'] : []),
    ...counts.map(
      (count) => `${scope.schema}.${count.table_name}: removes ${count.inserted} rows, restores ${count.updated}.`,
    ),
    '',
    'Rows the run inserted are removed, rows it changed get their old content, and nothing else is changed. A row that',
    'was changed since, or that a remaining row points at, stays as it is and is listed at the end. All of it happens in',
    'one transaction, and running the file again changes nothing.',
    '',
    'psql -v ON_ERROR_STOP=1 -f this-file',
  ];
  const statements = ['BEGIN', ...textSettings, ...undoSettings(scope), createWorkTableSql];
  return `${lines.map(sqlComment).join('\n')}\n\n${statements.join(';\n')};\n\n`;
}

function scriptTail(): string {
  return `${undoSteps.join(';\n\n')};\n\n${sqlComment('What was undone, and what was not and why.')}\n${outcomeSql};\n${conflictsSql};\nCOMMIT;\n`;
}

interface ChangeRow extends Row {
  readonly change_id: string;
  readonly source_id: string;
  readonly target_id: string;
  readonly print: string | null;
  readonly detail: string | null;
  readonly suspect: boolean;
  readonly untouched: boolean | null;
  /** All other columns as JSON text, because its numbers may exceed JavaScript's precision. */
  readonly rest: string;
}

async function* tableInserts(
  pool: pg.Pool,
  scope: RollbackScope,
  table: RollbackTable,
  place: number,
  decideUndo: DecideUndo,
): AsyncGenerator<string> {
  const existsSql = 'SELECT to_regclass($1) IS NOT NULL AS exists';
  const name = qualified(scope.schema, table.table);
  const [found] = await queryPrepared<{ exists: boolean }>(pool, undefined, existsSql, [name]);
  const changes = found?.exists ? changesSql(scope.schema, table, place) : changesOfMissingTableSql(table, place);
  const text = `
SELECT change_id::text AS change_id, source_id, target_id::text AS target_id, print, detail, suspect, untouched,
  jsonb_build_object('change_id', change_id, 'place', place, 'entity', entity, 'source_id', source_id,
    'table_name', table_name, 'target_id', target_id, 'operation', operation, 'before', before,
    'identity_before', identity_before)::text AS rest
FROM (${changes} AND c.source_id > $3 ORDER BY c.source_id LIMIT ${pageSize}) c ORDER BY source_id`;
  for (let after = ''; ; ) {
    const rows = await readChangesPage(pool, text, [scope.runId, scope.scope, after]);
    if (rows.length > 0) yield insertStatement(rows, await findUnchanged(rows, table, decideUndo));
    if (rows.length < pageSize) return;
    after = rows.at(-1)?.source_id ?? '';
  }
}

function readChangesPage(pool: pg.Pool, text: string, values: readonly unknown[]): Promise<ChangeRow[]> {
  return transaction(pool, async (client) => {
    for (const setting of textSettings) await client.query(setting);
    return queryPrepared<ChangeRow>(client, undefined, text, values);
  });
}

/** Change ids of suspects that hold what the run wrote. */
async function findUnchanged(
  rows: readonly ChangeRow[],
  table: RollbackTable,
  decideUndo: DecideUndo,
): Promise<ReadonlySet<string>> {
  const suspects = rows
    .filter((row) => row.suspect && row.untouched)
    .map((row): Suspect => {
      return { changeId: row.change_id, entity: table.entity, sourceId: row.source_id, targetId: row.target_id };
    });
  return new Set(suspects.length === 0 ? [] : await decideUndo(suspects));
}

function insertStatement(rows: readonly ChangeRow[], unchanged: ReadonlySet<string>): string {
  const items = rows.map((row) => {
    const isUnchanged = row.detail === null && (!row.suspect || unchanged.has(row.change_id));
    const decided = JSON.stringify({ print: isUnchanged ? row.print : null, detail: row.detail });
    // Joins two JSON objects: the first without its closing bracket, the second without its opening one.
    return `${row.rest.slice(0, -1)}, ${decided.slice(1)}`;
  });
  const list = jsonLiteral(`[${items.join(',\n')}]`);
  return `INSERT INTO drover_undo (${filledColumnNames})\nSELECT ${filledColumnNames} FROM jsonb_to_recordset(${list}::jsonb)\n  AS x(${filledColumns.join(', ')});\n\n`;
}

/** A comment of one line, in ASCII. */
function sqlComment(text: string): string {
  return `-- ${text.replace(/[^\x20-\x7e]+/g, '?')}`;
}
