import type { Journey, RecordView } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';

const tones: Partial<Record<RecordView['status'], Tone>> = {
  reconciled: 'green',
  rejected: 'red',
  failed: 'red',
  mismatched: 'red',
  blocked: 'yellow',
};

export function recordTone(status: RecordView['status']): Tone | undefined {
  return tones[status];
}

/** Where a record stands in one run, why, every stage and try, and its row in the target. */
export function recordHistoryReport(history: Journey, paint: Paint): string {
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

function stageText({ stage, state, at }: Journey['stages'][number]): string {
  return `${stage} ${state}${at === null ? '' : ` ${at}`}`;
}

function linkedRecordText({ entity, sourceId, status }: NonNullable<Journey['parent']>): string {
  return `${entity} ${sourceId} (${status})`;
}

function targetLines(target: Journey['target']): string[] {
  if (target === null) return [];
  const written = target.operation === null ? '' : `, ${target.operation} by this run at ${target.writtenAt}`;
  const row = target.row === null ? ['    the row is not there'] : Object.entries(target.row).map(targetColumnLine);
  return [`  ${target.table} ${target.id}${written}`, ...row];
}

function targetColumnLine([name, value]: [string, unknown]): string {
  return `    ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** `BAD_DATE (created_date): not a date`. */
export function reasonText(one: { code: string | null; field: string | null; message: string | null }): string {
  if (one.code === null) return '';
  return `${one.code}${one.field === null ? '' : ` (${one.field})`}${one.message === null ? '' : `: ${one.message}`}`;
}
