import { Option } from 'commander';
import { recordStatuses } from '../../engine/record-status.ts';
import type { Page, RecordView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { findRun } from '../runs.ts';
import { wholeNumberParser } from '../values.ts';
import { recordsTable } from '../views/records.ts';

interface Options {
  readonly status?: string;
  readonly entity?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export const records: DefineCommand = (program, act) => {
  program
    .command('records <run>')
    .description('list the records of a run')
    .addOption(new Option('--status <status>', 'only in this status').choices(recordStatuses))
    .option('--entity <name>', 'only of this entity')
    .option('--limit <n>', 'how many', wholeNumberParser(1, 500), 50)
    .option('--cursor <cursor>', 'where an earlier list ended')
    .addHelpText('after', examples('records bubble --status rejected', 'records RUN --entity users --json'))
    .action(
      act(async ({ api, out, settings }, { status, entity, limit, cursor }: Options, id: string) => {
        const run = await findRun(api, id);
        const query = { status, entity, limit, cursor };
        const page = await api.get<Page<RecordView>>(pathOf`/runs/${run.id}/records`, query);
        out.answer(page, (safe) => (safe.items.length === 0 ? 'no records' : recordsTable(safe.items, out.paint)));
        if (page.nextCursor) {
          out.note(
            `More with: ${settings.invocation} records ${run.id} --cursor ${page.nextCursor} and the same filters`,
          );
        }
        return exitCodes.green;
      }),
    );
};
