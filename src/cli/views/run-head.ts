import type { RunView } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';
import { formatDuration } from '../time.ts';
import { batchSizeText } from './batches.ts';

const tones: Partial<Record<RunView['status'], Tone>> = {
  completed: 'green',
  completed_with_failures: 'yellow',
  failed: 'red',
  cancelled: 'yellow',
  paused: 'yellow',
};

export function statusTone(status: RunView['status']): Tone | undefined {
  return tones[status];
}

/** What the run is and where it stands, in a few lines. */
export function runHead(run: RunView, paint: Paint): string {
  const kind = [
    run.strategy,
    `into schema ${run.targetSchema}`,
    ...(run.batchSize === 1 ? [] : [batchSizeText(run)]),
    ...(run.dryRun ? ['dry run: nothing is written'] : []),
    ...(run.exportOnly ? ['export only: nothing is loaded'] : []),
    ...(run.trial ? [`trial of ${run.trial.n} records of each entity`] : []),
  ];
  // The reason of a run that is held up is what holds it up.
  const said = run.holdups.map(({ what }) => what).join('; ');
  return [
    `run ${paint(run.id, 'bold')} of ${run.plan}@${run.version}: ${paint(statusText(run.status), statusTone(run.status))}`,
    `  ${kind.join(', ')}`,
    ...(run.reason === null || said.includes(run.reason) ? [] : [`  reason: ${run.reason}`]),
    ...run.holdups.map(({ what, clears }) => `  ${paint('held up', 'yellow')}: ${what} → ${clears}`),
    ...(run.rolledBackAt === null ? rollbackLines(run) : [`  rolled back at ${run.rolledBackAt}`]),
    `  ${timesText(run)}`,
  ].join('\n');
}

function rollbackLines({ rollback }: RunView): string[] {
  if (rollback === null) return [];
  const { status, done, total, error } = rollback;
  return [`  rollback ${status}: ${done} of ${total} undone${error === null ? '' : `, ${error}`}`];
}

/** `completed_with_failures` as a person says it. */
export function statusText(status: string): string {
  return status.replaceAll('_', ' ');
}

function timesText(run: RunView): string {
  if (run.startedAt === null) return `created at ${run.createdAt} by ${run.createdBy}`;
  const end = run.finishedAt ?? undefined;
  if (end === undefined) return `started at ${run.startedAt} by ${run.createdBy}`;
  const taken = formatDuration(Date.parse(end) - Date.parse(run.startedAt));
  return `started at ${run.startedAt} by ${run.createdBy}, finished at ${end}, took ${taken}`;
}
