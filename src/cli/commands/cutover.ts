import type { Command } from 'commander';
import type { CutoverForecast, CutoverView, StartCutover } from '../answers.ts';
import { type ActionWrapper, type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { defineCutoverActions } from '../cutover-steps.ts';
import { exitCodes } from '../exit-code.ts';
import { followCutover } from '../follow-cutover.ts';
import { requestDeadlineMs } from '../http.ts';
import { usageError } from '../problem.ts';
import type { Session } from '../session.ts';
import { parseLiveTable, parseTableMinimum, wholeNumberParser } from '../values.ts';
import { forecastReport } from '../views/cutover-plan.ts';

interface Options extends ReasonOptions {
  readonly dryRun?: boolean;
  readonly hold?: boolean;
  readonly yes?: boolean;
  readonly stagingSchema?: string;
  readonly liveSchema?: string;
  readonly table?: NonNullable<StartCutover['tables']>;
  readonly minimum?: Readonly<Record<string, number>>;
  readonly maxShrink?: number;
}

export const cutover: DefineCommand = (program, act) => {
  const command = program
    .command('cutover')
    .description('make staging tables the live ones, and go back')
    .addHelpText(
      'after',
      examples(
        'cutover PLAN --reason "launch" --dry-run      # every object, what becomes of it, and the SQL',
        'cutover PLAN --reason "launch" --hold         # prepare, then wait',
        'cutover go STAMP --reason "all are ready"',
        'cutover rollback STAMP --reason "the shop does not answer"',
        'cutovers',
      ),
    );
  defineStart(command, act);
  defineCutoverActions(command, act);
};

function defineStart(command: Command, act: ActionWrapper): void {
  command
    .command('start <plan>', { isDefault: true })
    .description('cut over; the word start can be left out')
    .addOption(reasonOption())
    .option('--dry-run', 'only say what would be done, down to the SQL; 1 when something stands against it')
    .option('--hold', 'do everything slow, then wait for `cutover go STAMP`')
    .option('--yes', 'do not ask')
    .option('--staging-schema <name>', "where runs have loaded (default: the plan's own, or its schema with _staging)")
    .option('--live-schema <name>', "where the live tables are (default: the plan's own, or its schema)")
    .option(
      '--table <table[=schema.name]>',
      'only this table; again for more. With the live one, where it is another',
      parseLiveTable,
    )
    .option('--minimum <table=rows>', 'refuse with fewer rows; again for more tables (default: 1)', parseTableMinimum)
    .option('--max-shrink <percent>', 'how much smaller a table may become (default: 50)', wholeNumberParser(0, 100))
    .action(act((session, options: Options, plan: string) => startCutover(session, options, plan)));
}

async function startCutover(session: Session, options: Options, plan: string) {
  const { api, out } = session;
  const body = {
    plan,
    reason: options.reason,
    stagingSchema: options.stagingSchema,
    liveSchema: options.liveSchema,
    tables: options.table,
    minimums: options.minimum,
    maxShrinkPercent: options.maxShrink,
  };
  const forecast = (): Promise<CutoverForecast> =>
    api.request('POST', '/cutovers', { body: { ...body, dryRun: true }, deadlineMs: requestDeadlineMs.long });
  if (options.dryRun) {
    const done = await forecast();
    out.answer(done, (safe) => forecastReport(safe, out.paint));
    return done.plan.problems.length === 0 ? exitCodes.green : exitCodes.failures;
  }
  if (!options.yes) await confirmStart(session, plan, forecast);
  const begun = await api.request<CutoverView>('POST', '/cutovers', {
    body: { ...body, hold: options.hold },
    deadlineMs: requestDeadlineMs.long,
  });
  return followCutover(session, begun);
}

/** Looks first, so that the question can say what is at stake. What stands against it is the service's to refuse. */
async function confirmStart({ ask }: Session, plan: string, forecast: () => Promise<CutoverForecast>): Promise<void> {
  if (!ask) throw usageError('a cutover has to be confirmed', 'Add --yes, or run it in a terminal.');
  const { tables, problems, warnings, items } = (await forecast()).plan;
  if (problems.length > 0) return;
  const names = tables.map(({ live }) => `${live.schema}.${live.name}`).join(', ');
  const more = warnings.map((warning) => `\n  look: ${warning}`).join('');
  const answer = await ask(`Cutting over ${plan}: ${names}; ${items.length} objects.${more}\nGo on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw usageError('not confirmed: nothing was changed');
}
