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

/** Where a record stands in one run, why, and every try that did not succeed. */
export function journeyReport(journey: Journey, paint: Paint): string {
  const status = paint(journey.status, recordTone(journey.status));
  return [
    `${journey.entity} ${journey.sourceId} in run ${journey.runId}: ${status} at ${journey.stage}, ${journey.updatedAt}`,
    ...(journey.targetId === null ? [] : [`  target id ${journey.targetId}`]),
    ...(journey.mergedInto === null ? [] : [`  merged into ${journey.mergedInto}`]),
    ...(journey.blockedBy === null ? [] : [`  blocked by ${journey.blockedBy}`]),
    ...(journey.code === null ? [] : [`  ${reasonOf(journey)}`]),
    ...journey.tries.map((one) => `  ${one.at} ${one.stage} on ${one.worker}: ${one.status}, ${reasonOf(one)}`),
  ].join('\n');
}

/** `BAD_DATE (created_date): not a date`. */
export function reasonOf(one: { code: string | null; field: string | null; message: string | null }): string {
  if (one.code === null) return '';
  return `${one.code}${one.field === null ? '' : ` (${one.field})`}${one.message === null ? '' : `: ${one.message}`}`;
}
