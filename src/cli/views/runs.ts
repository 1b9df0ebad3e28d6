import type { RunView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';
import { runTotals } from '../tally.ts';
import { formatDuration } from '../time.ts';
import { statusText, statusTone } from './run-head.ts';

/** One line a run. */
export function runsTable(runs: readonly RunView[], now: Date, paint: Paint): string {
  return formatTable(
    runs,
    [
      { title: 'run', value: (run) => run.id },
      { title: 'plan', value: (run) => `${run.plan}@${run.version}` },
      { title: 'status', value: statusOf, tone: (run) => statusTone(run.status) },
      { title: 'records', value: (run) => runTotals(run).total, right: true },
      { title: 'well', value: (run) => runTotals(run).success, right: true },
      {
        title: 'not well',
        value: (run) => runTotals(run).failed,
        right: true,
        tone: (run) => (runTotals(run).failed > 0 ? 'red' : undefined),
      },
      { title: 'started', value: (run) => run.startedAt ?? '' },
      { title: 'took', value: (run) => elapsedText(run, now), right: true },
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
  return `${statusText(run.status)}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
}

function elapsedText(run: RunView, now: Date): string {
  if (run.startedAt === null) return '';
  return formatDuration((run.finishedAt ? Date.parse(run.finishedAt) : now.getTime()) - Date.parse(run.startedAt));
}
