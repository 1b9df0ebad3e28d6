import type { RunView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { table } from '../table.ts';
import { tallyOf } from '../tally.ts';
import { duration } from '../time.ts';
import { statusTone, words } from './run-head.ts';

/** One line a run. */
export function runsTable(runs: readonly RunView[], now: Date, paint: Paint): string {
  return table(
    runs,
    [
      { title: 'run', value: (run) => run.id },
      { title: 'plan', value: (run) => `${run.plan}@${run.version}` },
      { title: 'status', value: statusOf, tone: (run) => statusTone(run.status) },
      { title: 'records', value: (run) => tallyOf(run).total, right: true },
      { title: 'well', value: (run) => tallyOf(run).success, right: true },
      {
        title: 'not well',
        value: (run) => tallyOf(run).failed,
        right: true,
        tone: (run) => (tallyOf(run).failed > 0 ? 'red' : undefined),
      },
      { title: 'started', value: (run) => run.startedAt ?? '' },
      { title: 'took', value: (run) => taken(run, now), right: true },
    ],
    paint,
  );
}

function statusOf(run: RunView): string {
  const marks = [
    ...(run.dryRun ? ['dry run'] : []),
    ...(run.exportOnly ? ['export only'] : []),
    ...(run.rolledBackAt === null ? [] : ['rolled back']),
  ];
  return `${words(run.status)}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
}

function taken(run: RunView, now: Date): string {
  if (run.startedAt === null) return '';
  return duration((run.finishedAt ? Date.parse(run.finishedAt) : now.getTime()) - Date.parse(run.startedAt));
}
