import { type Command, Option } from 'commander';
import type { DefineCommand } from '../command.ts';
import { runDryRun, runMigrate as start } from '../migrate/migrate.ts';
import type { MigrateOptions } from '../migrate/options.ts';
import { type ResumeOptions, runResume } from '../migrate/resume.ts';
import { runValidate } from '../migrate/validate.ts';
import { parseInstantOption, parseNonBlank, parseParameter, wholeNumberParser } from '../values.ts';

/** The plan these commands are about unless another is named. */
const defaultPlan = 'catalog';

const variables = `
What options leave open is taken from the environment or, with npm run, from .env: MIGRATION_STRATEGY (incremental),
MIGRATION_START_DATE, MIGRATION_END_DATE, MIGRATION_PRODUCT_IDS, MIGRATION_SKIP_EXISTING, MIGRATION_BATCH_SIZE,
MIGRATION_DRY_RUN. Keys, addresses and limits (STRIPE_MAX_RPS and the like) are settings of the service.`;

export const migrate: DefineCommand = (program, act) => {
  addScopeOptions(program.command('migrate'))
    .description('migrate, with a progress line, a log and a report; Ctrl-C pauses it')
    .addHelpText(
      'after',
      help('migrate', '--strategy full', '--strategy incremental --since 2024-01-01', '--ids prod1,prod2'),
    )
    .action(act((session, options: MigrateOptions) => start(session, options)));

  addRowsOption(addScopeOptions(program.command('migrate:dry-run')))
    .description('do everything but write, and say of every record what would happen')
    .addHelpText('after', help('migrate:dry-run', '', '--batch-size 5', '--strategy full --rows 0'))
    .action(act((session, options: MigrateOptions) => runDryRun(session, options)));

  addRowsOption(addScopeOptions(program.command('migrate:validate')))
    .description('check the configuration, reach both ends, and say of every record what is wrong, without writing')
    .addHelpText('after', help('migrate:validate', '', '--ids @ids.txt', '--rows 0'))
    .action(act((session, options: MigrateOptions) => runValidate(session, options)));

  program
    .command('migrate:resume')
    .description('go on with the last migration where it was interrupted')
    .addOption(planOption())
    .option('--reason <text>', 'why; kept in the audit log', parseNonBlank)
    .addHelpText('after', '\nExamples:\n  $ npm run migrate:resume')
    .action(act((session, options: ResumeOptions) => runResume(session, options)));
};

function addScopeOptions(command: Command): Command {
  return command
    .addOption(planOption())
    .addOption(
      new Option('--strategy <name>', 'everything, what changed, or ids').choices(['full', 'incremental', 'selective']),
    )
    .option('--ids <a,b|@file>', 'only these source ids; @file has one a line')
    .option(
      '--since <time>',
      'only what changed from this time on (a date is its beginning in UTC)',
      parseInstantOption,
    )
    .option('--until <time>', 'only what changed before this time', parseInstantOption)
    .option('--skip-existing', 'leave alone what the target has already')
    .option('--no-skip-existing', 'look at what the target has already, too')
    .option('--batch-size <n>', 'records a job', wholeNumberParser(1, 500))
    .option('--target-schema <name>', 'schema of the target tables, where the plan has such')
    .option('--param <key=value>', 'a parameter of the plan, again for each; JSON is understood', parseParameter);
}

function addRowsOption(command: Command): Command {
  return command.option(
    '--rows <n>',
    'records shown; 0 for all. The file has all of them',
    wholeNumberParser(0, 1_000_000),
    20,
  );
}

function planOption(): Option {
  return new Option('--plan <name>', 'the plan to run').default(defaultPlan);
}

function help(name: string, ...lines: readonly string[]): string {
  const examples = lines.map((line) => `  $ npm run ${name}${line === '' ? '' : ` -- ${line}`}`);
  return `${variables}\n\nExamples:\n${examples.join('\n')}`;
}
