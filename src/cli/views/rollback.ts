import type { RollbackView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';

/** What a rollback did or would do, with every row that it left alone. */
export function rollbackReport(view: RollbackView, paint: Paint): string {
  const done = view.dryRun ? 'would remove' : 'removed';
  const restored = view.dryRun ? 'restore' : 'restored';
  const head = `run ${view.runId}: ${done} ${view.removed} rows and ${restored} ${view.restored}${progressSuffix(view)}`;
  if (view.conflicts.length === 0) return head;
  const conflicts = formatTable(
    view.conflicts,
    [
      { title: 'entity', value: (row) => row.entity },
      { title: 'target id', value: (row) => row.targetId },
      { title: 'why it is left alone', value: (row) => row.detail },
    ],
    paint,
  );
  return `${head}\n${paint(`${view.conflicts.length} rows were changed by someone else:`, 'yellow')}\n${conflicts}`;
}

function progressSuffix({ status, done, total, error }: RollbackView): string {
  if (status === 'done') return '';
  return `; ${status} at ${done} of ${total}${error === null ? '' : `: ${error}`}`;
}
