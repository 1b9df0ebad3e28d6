import type pg from 'pg';
import type { Judge, RollbackScope, RollbackTable, Suspect } from '../../src/engine/rollback/ports.ts';
import { qualified } from '../../src/plan/sql.ts';
import { prepared, type Row, transaction } from '../sql.ts';
import { analyzeTables } from '../validation/analyze.ts';
import { classified, unclassified } from './classify.ts';
import { comment, jsonLiteral } from './literal.ts';
import { sameText, undoSettings } from './session.ts';
import { conflicts, outcome, steps } from './steps/index.ts';
import { createWorkTable, filledColumns, filledNames } from './work-table.ts';

const pageSize = 500;

interface Counted extends Row {
  readonly entity: string;
  readonly table_name: string;
  readonly inserted: number;
  readonly updated: number;
}

const counted = `
SELECT entity, table_name, count(*) FILTER (WHERE operation = 'insert')::int AS inserted,
  count(*) FILTER (WHERE operation IN ('update', 'remove'))::int AS updated
FROM drover.changes WHERE run_id = $1 AND scope = $2 GROUP BY 1, 2`;

/**
 * The way back as one file for psql: a list of what the run wrote, with what stood there before, and the statements that
 * undo it. Needs nothing from outside. Made page by page, each in a transaction of its own, so that a slow reader holds
 * nothing open.
 */
export async function* script(pool: pg.Pool, scope: RollbackScope, judge: Judge): AsyncGenerator<string> {
  await analyzeTables(
    pool,
    scope.schema,
    scope.tables.map(({ table }) => table),
  );
  const counts = await prepared<Counted>(pool, undefined, counted, [scope.runId, scope.scope]);
  yield head(scope, counts);
  for (const [place, table] of scope.tables.entries()) {
    if (counts.some((count) => count.entity === table.entity)) yield* rowsOf(pool, scope, table, place, judge);
  }
  yield tail();
}

function head(scope: RollbackScope, counts: readonly Counted[]): string {
  const lines = [
    `Takes back run ${scope.runId} of plan ${scope.plan} (${scope.stamp}) in schema ${scope.schema}.`,
    '',
    ...(counts.length === 0 ? ['The run has written nothing that is still there: this file changes nothing.'] : []),
    ...counts.map(
      (count) => `${scope.schema}.${count.table_name}: removes ${count.inserted} rows, restores ${count.updated}.`,
    ),
    '',
    'Rows the run made are removed, rows it changed get their old content, and nothing else is touched. A row that was',
    'changed since, or that a row of somebody else points at, is left alone and listed at the end. All of it happens in',
    'one transaction, and running the file again changes nothing.',
    '',
    'psql -v ON_ERROR_STOP=1 -f this-file',
  ];
  const statements = ['BEGIN', ...sameText, ...undoSettings(scope), createWorkTable];
  return `${lines.map(comment).join('\n')}\n\n${statements.join(';\n')};\n\n`;
}

function tail(): string {
  return `${steps.join(';\n\n')};\n\n${comment('What was done, and what was left alone and why.')}\n${outcome};\n${conflicts};\nCOMMIT;\n`;
}

interface ChangeRow extends Row {
  readonly change_id: string;
  readonly source_id: string;
  readonly target_id: string;
  readonly print: string | null;
  readonly detail: string | null;
  readonly suspect: boolean;
  readonly untouched: boolean | null;
  /** Everything else of the row, as JSON text: numbers in it may be too long for JavaScript's. */
  readonly rest: string;
}

async function* rowsOf(
  pool: pg.Pool,
  scope: RollbackScope,
  table: RollbackTable,
  place: number,
  judge: Judge,
): AsyncGenerator<string> {
  const there = 'SELECT to_regclass($1) IS NOT NULL AS there';
  const name = qualified(scope.schema, table.table);
  const [found] = await prepared<{ there: boolean }>(pool, undefined, there, [name]);
  const changes = found?.there ? classified(scope.schema, table, place) : unclassified(table, place);
  const text = `
SELECT change_id::text AS change_id, source_id, target_id::text AS target_id, print, detail, suspect, untouched,
  jsonb_build_object('change_id', change_id, 'place', place, 'entity', entity, 'source_id', source_id,
    'table_name', table_name, 'target_id', target_id, 'operation', operation, 'before', before,
    'identity_before', identity_before)::text AS rest
FROM (${changes} AND c.source_id > $3 ORDER BY c.source_id LIMIT ${pageSize}) c ORDER BY source_id`;
  for (let after = ''; ; ) {
    const rows = await page(pool, text, [scope.runId, scope.scope, after]);
    if (rows.length > 0) yield insertOf(rows, await cleared(rows, table, judge));
    if (rows.length < pageSize) return;
    after = rows.at(-1)?.source_id ?? '';
  }
}

function page(pool: pg.Pool, text: string, values: readonly unknown[]): Promise<ChangeRow[]> {
  return transaction(pool, async (client) => {
    for (const setting of sameText) await client.query(setting);
    return prepared<ChangeRow>(client, undefined, text, values);
  });
}

/** Change ids of suspects that hold what the run wrote. */
async function cleared(rows: readonly ChangeRow[], table: RollbackTable, judge: Judge): Promise<ReadonlySet<string>> {
  const suspects = rows
    .filter((row) => row.suspect && row.untouched)
    .map((row): Suspect => {
      return { changeId: row.change_id, entity: table.entity, sourceId: row.source_id, targetId: row.target_id };
    });
  return new Set(suspects.length === 0 ? [] : await judge(suspects));
}

function insertOf(rows: readonly ChangeRow[], judged: ReadonlySet<string>): string {
  const items = rows.map((row) => {
    const ours = row.detail === null && (!row.suspect || judged.has(row.change_id));
    const own = JSON.stringify({ print: ours ? row.print : null, detail: row.detail });
    // Two objects become one: the first without its closing bracket, the second without its opening one.
    return `${row.rest.slice(0, -1)}, ${own.slice(1)}`;
  });
  const list = jsonLiteral(`[${items.join(',\n')}]`);
  return `INSERT INTO drover_undo (${filledNames})\nSELECT ${filledNames} FROM jsonb_to_recordset(${list}::jsonb)\n  AS x(${filledColumns.join(', ')});\n\n`;
}
