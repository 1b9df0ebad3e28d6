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
export function journeyReport(journey: Journey, paint: Paint): string {
  const status = paint(journey.status, recordTone(journey.status));
  return [
    `${journey.entity} ${journey.sourceId} in run ${journey.runId}: ${status} at ${journey.stage}, ${journey.updatedAt}`,
    `  ${journey.stages.map(stageText).join(', ')}`,
    ...(journey.survivor === null ? [] : [`  merged into ${relativeText(journey.survivor)}`]),
    ...(journey.parent === null ? [] : [`  blocked by ${relativeText(journey.parent)}`]),
    ...(journey.code === null ? [] : [`  ${reasonOf(journey)}`]),
    ...journey.tries.map((one) => `  ${one.at} ${one.stage} on ${one.worker}: ${one.status}, ${reasonOf(one)}`),
    ...journey.notes.map((note) => `  note: ${note}`),
    ...(journey.payload === 'kept' ? [] : ['  what the source said was purged']),
    ...targetLines(journey.target),
  ].join('\n');
}

function stageText({ stage, state, at }: Journey['stages'][number]): string {
  return `${stage} ${state}${at === null ? '' : ` ${at}`}`;
}

function relativeText({ entity, sourceId, status }: NonNullable<Journey['parent']>): string {
  return `${entity} ${sourceId} (${status})`;
}

function targetLines(target: Journey['target']): string[] {
  if (target === null) return [];
  const written = target.operation === null ? '' : `, ${target.operation} by this run at ${target.writtenAt}`;
  const row = target.row === null ? ['    the row is not there'] : Object.entries(target.row).map(cell);
  return [`  ${target.table} ${target.id}${written}`, ...row];
}

function cell([name, value]: [string, unknown]): string {
  return `    ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** `BAD_DATE (created_date): not a date`. */
export function reasonOf(one: { code: string | null; field: string | null; message: string | null }): string {
  if (one.code === null) return '';
  return `${one.code}${one.field === null ? '' : ` (${one.field})`}${one.message === null ? '' : `: ${one.message}`}`;
}
