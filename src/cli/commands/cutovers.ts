import type { Conflict as CutoverConflict, CutoverEntry, CutoverView } from '../../contract/cutover.ts';
import type { Page } from '../../contract/runs.ts';
import type { List } from '../api-types.ts';
import { type Client, pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatBytes, formatDuration, formatTable, type Paint, type Tone } from '../format.ts';
import { usageError } from '../problem.ts';

export const cutovers: DefineCommand = (program, action) => {
  program
    .command('cutovers [stamp]')
    .description('list cutovers and rollbacks with their backups, or show one')
    .option('--plan <name>', 'only of this plan')
    .option('--conflicts', 'every change of a rollback that met something else')
    .addHelpText(
      'after',
      examples('cutovers', 'cutovers --plan PLAN --json', 'cutovers STAMP', 'cutovers STAMP --conflicts --json'),
    )
    .action(
      action(
        async (
          { api, out },
          { plan, conflicts }: { plan?: string; conflicts?: boolean },
          stamp: string | undefined,
        ) => {
          if (conflicts) {
            if (stamp === undefined) throw usageError('say of which', 'Add the stamp of the rollback.');
            const items = await allConflicts(api, stamp);
            out.answer({ items }, (safe) => safe.items.map(conflictLine).join('\n') || 'no conflicts');
          } else if (stamp === undefined) {
            const list = await api.get<List<CutoverEntry>>('/cutovers', { plan });
            out.answer(list, (safe) =>
              safe.items.length === 0 ? 'no cutovers' : cutoversTable(safe.items, out.paint),
            );
          } else {
            const view = await api.get<CutoverView>(pathOf`/cutovers/${stamp}`);
            out.answer(view, (safe) => cutoverReport(safe, out.paint));
          }
          return exitCodes.green;
        },
      ),
    );
};

async function allConflicts(api: Client, stamp: string): Promise<readonly CutoverConflict[]> {
  const items: CutoverConflict[] = [];
  let cursor: string | undefined;
  do {
    const path = pathOf`/cutovers/${stamp}/conflicts`;
    const page = await api.get<Page<CutoverConflict>>(path, { limit: '500', cursor });
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

const tones: Partial<Record<CutoverView['status'], Tone>> = {
  done: 'green',
  held: 'yellow',
  interrupted: 'red',
  failed: 'red',
  refused: 'red',
};

/** One line per cutover, the newest first. */
function cutoversTable(views: readonly CutoverEntry[], paint: Paint): string {
  return formatTable(
    views,
    [
      { title: 'stamp', value: (row) => row.stamp },
      { title: 'plan', value: (row) => row.plan },
      { title: 'kind', value: (row) => row.kind },
      { title: 'status', value: (row) => row.status, tone: (row) => tones[row.status] },
      { title: 'age', value: (row) => formatDuration(row.ageSeconds * 1000), right: true },
      { title: 'tables', value: (row) => row.tables.length, right: true },
      { title: 'backup', value: (row) => (row.restorable ? formatBytes(row.bytes) : '-'), right: true },
      { title: 'next', value: (row) => row.nextActions.join(' ') || '-' },
      { title: 'reason', value: (row) => row.reason },
    ],
    paint,
  );
}

/** The state of a cutover, what it did, and what needs an operator's decision. */
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

/** A change that was in conflict with a later one. */
function conflictLine({ table, key, detail }: CutoverConflict): string {
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
