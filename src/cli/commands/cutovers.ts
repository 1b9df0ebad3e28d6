import type { CutoverConflict, CutoverEntry, CutoverView, List, Page } from '../answers.ts';
import { type Client, pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { usageError } from '../problem.ts';
import { conflictLine, cutoverReport, cutoversTable } from '../views/cutovers.ts';

export const cutovers: DefineCommand = (program, act) => {
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
      act(
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
