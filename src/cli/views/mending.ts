import type { DoubledRow, MendedView, MendingView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { formatTable } from '../table.ts';
import { failureList } from './failures.ts';

/** What would be mended: records by cause, doubled rows one by one. */
export function repairPlanReport({ runId, write, remove }: MendingView, paint: Paint): string {
  if (write.length + remove.length === 0) return `run ${runId}: nothing to mend`;
  const removable = remove.filter(({ refusal }) => refusal === null);
  return [
    ...(write.length > 0 ? [paint('to be written again', 'bold'), failureList(write, paint)] : []),
    ...(removable.length > 0
      ? [paint('to be removed: the row is there twice', 'bold'), duplicatesTable(removable, paint)]
      : []),
    ...refusedLines(remove, paint),
  ].join('\n');
}

export function repairResultReport({ written, removed, left, run }: MendedView, paint: Paint): string {
  return [
    `run ${run.id}: removed ${removed.length} doubled rows; ${written} records are written and compared again`,
    ...refusedLines(left, paint),
  ].join('\n');
}

function refusedLines(rows: readonly DoubledRow[], paint: Paint): string[] {
  const left = rows.filter(({ refusal }) => refusal !== null);
  return left.length === 0 ? [] : [paint('there twice, and left to you', 'yellow'), duplicatesTable(left, paint)];
}

function duplicatesTable(rows: readonly DoubledRow[], paint: Paint): string {
  return formatTable(
    rows,
    [
      { title: 'entity', value: (row) => row.entity },
      { title: 'source id', value: (row) => row.sourceId },
      { title: 'row too many', value: (row) => row.targetId },
      { title: 'its own row', value: (row) => row.ofTargetId },
      { title: 'why it is left', value: (row) => row.refusal ?? '' },
    ],
    paint,
  );
}
