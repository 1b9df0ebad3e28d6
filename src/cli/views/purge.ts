import type { PurgeView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';

/** Payloads that are gone, or would be, by run. */
export function purgeReport(view: PurgeView, paint: Paint): string {
  if (view.runs.length === 0) return 'nothing to purge';
  const total = view.runs.reduce((sum, run) => sum + run.raw + run.clean, 0);
  const runs = formatTable(
    view.runs,
    [
      { title: 'run', value: (run) => run.runId },
      { title: 'plan', value: (run) => run.plan },
      { title: 'finished', value: (run) => run.finishedAt ?? '' },
      { title: 'raw', value: (run) => run.raw, right: true },
      { title: 'clean', value: (run) => run.clean, right: true },
    ],
    paint,
  );
  return `${runs}\n${view.dryRun ? 'would delete' : 'deleted'} ${total} payloads`;
}
