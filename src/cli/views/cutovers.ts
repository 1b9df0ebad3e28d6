import type { CutoverConflict, CutoverEntry, CutoverView } from '../answers.ts';
import type { Paint, Tone } from '../colour.ts';
import { formatTable } from '../table.ts';
import { formatDuration } from '../time.ts';

const tones: Partial<Record<CutoverView['status'], Tone>> = {
  done: 'green',
  held: 'yellow',
  interrupted: 'red',
  failed: 'red',
  refused: 'red',
};

/** One line each, the newest first. */
export function cutoversTable(views: readonly CutoverEntry[], paint: Paint): string {
  return formatTable(
    views,
    [
      { title: 'stamp', value: (row) => row.stamp },
      { title: 'plan', value: (row) => row.plan },
      { title: 'kind', value: (row) => row.kind },
      { title: 'status', value: (row) => row.status, tone: (row) => tones[row.status] },
      { title: 'age', value: (row) => formatDuration(row.ageSeconds * 1000), right: true },
      { title: 'tables', value: (row) => row.tables.length, right: true },
      { title: 'backup', value: (row) => (row.restorable ? formatSize(row.bytes) : '-'), right: true },
      { title: 'next', value: (row) => row.nextActions.join(' ') || '-' },
      { title: 'reason', value: (row) => row.reason },
    ],
    paint,
  );
}

/** Where one stands, what it did, and what is left for a person. */
export function cutoverReport(view: CutoverView, paint: Paint): string {
  return [
    `${view.kind} ${view.stamp} of ${view.plan}: ${paint(view.status, tones[view.status])}${view.ofStamp ? `, back to ${view.ofStamp}` : ''}`,
    `  by ${view.actor}: ${view.reason}`,
    ...view.problems.map((problem) => `  ${paint('look', 'red')}  ${problem}`),
    ...tableLines(view),
    ...(view.timing ? [timingLine(view)] : []),
    ...(view.kind === 'rollback' && view.status === 'done'
      ? [`  ${view.carried} changes written since were carried back`]
      : []),
    ...conflictLines(view, paint),
    ...section(view.unplanned, 'differences that were not planned', paint),
    ...(view.nextActions.length > 0 ? [`  next: ${view.nextActions.join(', ')}`] : []),
  ].join('\n');
}

/** `1.2 MB`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

function tableLines({ tables, counts, kind }: CutoverView): string[] {
  return tables.map(({ live, incoming, displaced }) => {
    const name = `${live.schema}.${live.name}`;
    const count = counts.find((one) => one.table === name);
    const rows = count ? `, ${count.incoming} rows instead of ${count.live}` : '';
    const old = kind === 'cutover' ? 'backup' : 'staging';
    return `  ${name}: from ${incoming.schema}.${incoming.name}${rows}; ${old} ${displaced.schema}.${displaced.name}`;
  });
}

function timingLine({ timing }: CutoverView): string {
  const { lockWaitMs = 0, lockedMs = 0, attempts = 0 } = timing ?? {};
  return `  locks: waited ${lockWaitMs} ms, held ${lockedMs} ms, ${attempts === 1 ? 'at the first try' : `at try ${attempts}`}`;
}

/** One of many changes that met something else. */
export function conflictLine({ table, key, detail }: CutoverConflict): string {
  return `${table} ${key}: ${detail}`;
}

function conflictLines({ stamp, conflicts, conflictCount }: CutoverView, paint: Paint): string[] {
  if (conflictCount === 0) return [];
  const rest = conflictCount - conflicts.length;
  return [
    `  ${paint(`${conflictCount} changes met something else:`, 'yellow')}`,
    ...conflicts.map((one) => `    ${conflictLine(one)}`),
    ...(rest > 0 ? [`    and ${rest} more: cutovers ${stamp} --conflicts`] : []),
  ];
}

function section(items: readonly string[], title: string, paint: Paint): string[] {
  if (items.length === 0) return [];
  return [`  ${paint(`${items.length} ${title}:`, 'yellow')}`, ...items.map((item) => `    ${item}`)];
}
