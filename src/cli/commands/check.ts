import type { StatisticsCheck } from '../../contract/bookings.ts';
import { requestDeadlineMs } from '../client.ts';
import { type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable, type Paint } from '../format.ts';
import { usageError } from '../problem.ts';

interface Options extends Partial<ReasonOptions> {
  readonly targetSchema?: string;
  readonly repair?: boolean;
}

export const check: DefineCommand = (program, action) => {
  program
    .command('check <what>')
    .description('recompute what is kept by counting: statistics')
    .option('--target-schema <name>', 'schema of the users (default: that of the newest run of bookings)')
    .option('--repair', 'correct what differs')
    .addOption(reasonOption().makeOptionMandatory(false))
    .addHelpText(
      'after',
      examples('check statistics', 'check statistics --repair --reason "totals were edited by hand"'),
    )
    .action(
      action(async ({ api, out }, { targetSchema, repair, reason }: Options, what: string) => {
        if (what !== 'statistics') throw usageError(`there is no check of ${what}`, 'Use `drover check statistics`.');
        if (repair && reason === undefined) throw usageError('say why', 'Add --reason TEXT.');
        const query = targetSchema === undefined ? '' : `?${new URLSearchParams({ targetSchema })}`;
        const done = await (repair
          ? api.request<StatisticsCheck>('POST', '/bookings/statistics/repair', {
              body: { targetSchema, reason },
              deadlineMs: requestDeadlineMs.long,
            })
          : api.request<StatisticsCheck>('GET', `/bookings/statistics/check${query}`, {
              deadlineMs: requestDeadlineMs.long,
            }));
        out.answer(done, (safe) => checkReport(safe, repair === true, out.paint));
        return done.differences.length === 0 || repair ? exitCodes.green : exitCodes.failures;
      }),
    );
};

function checkReport({ targetSchema, users, differences }: StatisticsCheck, repaired: boolean, paint: Paint): string {
  if (differences.length === 0) return paint(`statistics of ${users} users in ${targetSchema}: no difference`, 'green');
  return [
    paint(
      `statistics of ${users} users in ${targetSchema}: ${differences.length} differences${repaired ? ', corrected' : ''}`,
      'red',
    ),
    formatTable(
      differences,
      [
        { title: 'user', value: (row) => row.userId },
        { title: 'figure', value: (row) => (row.currency === '' ? row.figure : `${row.figure} ${row.currency}`) },
        { title: 'kept', value: (row) => row.kept ?? '' },
        { title: 'recomputed', value: (row) => row.recomputed ?? '' },
      ],
      paint,
    ),
  ].join('\n');
}
