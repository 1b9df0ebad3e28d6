import { Option } from 'commander';
import { recordStatuses } from '../../contract/record-status.ts';
import type { RecordHistory } from '../../contract/records.ts';
import type { Page, RecordView } from '../../contract/runs.ts';
import type { List } from '../api-types.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { findRun } from '../find-run.ts';
import { formatTable, type Paint, type Tone } from '../format.ts';
import { wholeNumberParser } from '../option-parsers.ts';
import { Problem } from '../problem.ts';

interface Options {
  readonly status?: string;
  readonly entity?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export const records: DefineCommand = (program, action) => {
  program
    .command('records <run>')
    .description('list the records of a run')
    .addOption(new Option('--status <status>', 'only in this status').choices(recordStatuses))
    .option('--entity <name>', 'only of this entity')
    .option('--limit <n>', 'how many', wholeNumberParser(1, 500), 50)
    .option('--cursor <cursor>', 'where an earlier list ended')
    .addHelpText('after', examples('records bubble --status rejected', 'records RUN --entity users --json'))
    .action(
      action(async ({ api, out, settings }, { status, entity, limit, cursor }: Options, id: string) => {
        const run = await findRun(api, id);
        const query = { status, entity, limit, cursor };
        const page = await api.get<Page<RecordView>>(pathOf`/runs/${run.id}/records`, query);
        out.answer(page, (safe) => (safe.items.length === 0 ? 'no records' : recordsTable(safe.items, out.paint)));
        if (page.nextCursor) {
          out.note(
            `More with: ${settings.invocation} records ${run.id} --cursor ${page.nextCursor} and the same filters`,
          );
        }
        return exitCodes.green;
      }),
    );
};

/** One line per record. */
function recordsTable(records: readonly RecordView[], paint: Paint): string {
  return formatTable(
    records,
    [
      { title: 'entity', value: (one) => one.entity },
      { title: 'source id', value: (one) => one.sourceId },
      { title: 'stage', value: (one) => one.stage },
      { title: 'status', value: (one) => one.status, tone: (one) => recordTone(one.status) },
      { title: 'target id', value: (one) => one.targetId ?? '' },
      { title: 'why', value: reasonText },
    ],
    paint,
  );
}

export const record: DefineCommand = (program, action) => {
  program
    .command('record <sourceId>')
    .description('show the history of one source record in every run')
    .addHelpText('after', examples('record 1690x12', 'record 1690x12 --json'))
    .action(
      action(async ({ api, out }, _options: object, sourceId: string) => {
        const answer = await api.get<List<RecordHistory>>('/records', { sourceId });
        if (answer.items.length === 0) {
          const remedy = 'Check the id; a run that has not read it yet does not know it either.';
          throw new Problem({ code: 'NOT_FOUND', message: `no run has met a record ${sourceId}`, remedy });
        }
        out.answer(answer, (safe) => safe.items.map((one) => recordHistoryReport(one, out.paint)).join('\n\n'));
        return exitCodes.green;
      }),
    );
};

const tones: Partial<Record<RecordView['status'], Tone>> = {
  reconciled: 'green',
  rejected: 'red',
  failed: 'red',
  mismatched: 'red',
  blocked: 'yellow',
};

function recordTone(status: RecordView['status']): Tone | undefined {
  return tones[status];
}

/** The state of a record in one run with its reason, its stages and attempts, and its row in the target. */
function recordHistoryReport(history: RecordHistory, paint: Paint): string {
  const status = paint(history.status, recordTone(history.status));
  return [
    `${history.entity} ${history.sourceId} in run ${history.runId}: ${status} at ${history.stage}, ${history.updatedAt}`,
    `  ${history.stages.map(stageText).join(', ')}`,
    ...(history.survivor === null ? [] : [`  merged into ${linkedRecordText(history.survivor)}`]),
    ...(history.parent === null ? [] : [`  blocked by ${linkedRecordText(history.parent)}`]),
    ...(history.code === null ? [] : [`  ${reasonText(history)}`]),
    ...history.tries.map((one) => `  ${one.at} ${one.stage} on ${one.worker}: ${one.status}, ${reasonText(one)}`),
    ...history.notes.map((note) => `  note: ${note}`),
    ...(history.payload === 'kept' ? [] : ['  what the source said was purged']),
    ...targetLines(history.target),
  ].join('\n');
}

function stageText({ stage, state, at }: RecordHistory['stages'][number]): string {
  return `${stage} ${state}${at === null ? '' : ` ${at}`}`;
}

function linkedRecordText({ entity, sourceId, status }: NonNullable<RecordHistory['parent']>): string {
  return `${entity} ${sourceId} (${status})`;
}

function targetLines(target: RecordHistory['target']): string[] {
  if (target === null) return [];
  const written = target.operation === null ? '' : `, ${target.operation} by this run at ${target.writtenAt}`;
  const row = target.row === null ? ['    the row is not there'] : Object.entries(target.row).map(targetColumnLine);
  return [`  ${target.table} ${target.id}${written}`, ...row];
}

function targetColumnLine([name, value]: [string, unknown]): string {
  return `    ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** `BAD_DATE (created_date): not a date`. */
function reasonText(one: { code: string | null; field: string | null; message: string | null }): string {
  if (one.code === null) return '';
  return `${one.code}${one.field === null ? '' : ` (${one.field})`}${one.message === null ? '' : `: ${one.message}`}`;
}
