import { Option } from 'commander';
import { runStatuses } from '../../contract/run-status.ts';
import type { Page, RunView } from '../../contract/runs.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { findRun } from '../find-run.ts';
import { runInterruptible } from '../follow.ts';
import { formatDuration, formatTable, type Paint } from '../format.ts';
import { wholeNumberParser } from '../option-parsers.ts';
import { runTotals } from '../progress.ts';
import { statusText, statusTone } from '../run-summary.ts';
import { followToEnd, printSummary, waitForRun } from '../wait.ts';

interface Options {
  readonly plan?: string;
  readonly status?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export const runs: DefineCommand = (program, action) => {
  program
    .command('runs')
    .description('list the runs, newest first')
    .option('--plan <name>', 'only of this plan')
    .addOption(new Option('--status <status>', 'only in this status').choices(runStatuses))
    .option('--limit <n>', 'how many', wholeNumberParser(1, 500), 20)
    .option('--cursor <cursor>', 'where an earlier list ended')
    .addHelpText('after', examples('runs', 'runs --plan bubble --status failed', 'runs --json'))
    .action(
      action(async ({ api, out, settings }, { plan, status, limit, cursor }: Options) => {
        const page = await api.get<Page<RunView>>('/runs', { plan, status, limit, cursor });
        out.answer(page, (safe) =>
          safe.items.length === 0 ? 'no runs' : runsTable(safe.items, new Date(), out.paint),
        );
        if (page.nextCursor) out.note(`More with: ${settings.invocation} runs --cursor ${page.nextCursor}`);
        return exitCodes.green;
      }),
    );
};

/** One line per run. */
function runsTable(runs: readonly RunView[], now: Date, paint: Paint): string {
  return formatTable(
    runs,
    [
      { title: 'run', value: (run) => run.id },
      { title: 'plan', value: (run) => `${run.plan}@${run.version}` },
      { title: 'status', value: statusOf, tone: (run) => statusTone(run.status) },
      { title: 'records', value: (run) => runTotals(run).total, right: true },
      { title: 'well', value: (run) => runTotals(run).success, right: true },
      {
        title: 'not well',
        value: (run) => runTotals(run).failed,
        right: true,
        tone: (run) => (runTotals(run).failed > 0 ? 'red' : undefined),
      },
      { title: 'started', value: (run) => run.startedAt ?? '' },
      { title: 'took', value: (run) => elapsedText(run, now), right: true },
    ],
    paint,
  );
}

function statusOf(run: RunView): string {
  const marks = [
    ...(run.dryRun ? ['dry run'] : []),
    ...(run.exportOnly ? ['export only'] : []),
    ...(run.rolledBackAt === null ? [] : ['rolled back']),
  ];
  return `${statusText(run.status)}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
}

function elapsedText(run: RunView, now: Date): string {
  if (run.startedAt === null) return '';
  return formatDuration((run.finishedAt ? Date.parse(run.finishedAt) : now.getTime()) - Date.parse(run.startedAt));
}

export const status: DefineCommand = (program, action) => {
  program
    .command('status <run>')
    .description('show where a run stands: records, sums, failures')
    .addHelpText('after', examples('status bubble', 'status RUN --json'))
    .action(
      action(async (session, _options: object, id: string) => {
        const run = await findRun(session.api, id);
        await printSummary(session, run);
        return exitCodeOf(run);
      }),
    );
};

export const watch: DefineCommand = (program, action) => {
  program
    .command('watch <run>')
    .description('follow a run to its end; with --json a line for every change')
    .addHelpText('after', examples('watch bubble', 'watch RUN --json'))
    .action(
      action(async (session, _options: object, id: string) => {
        const { api, out } = session;
        const run = await findRun(api, id);
        if (!out.json) return waitForRun(session, run);
        const last = await runInterruptible((signal) => followToEnd(session, run, signal, out.jsonLine));
        return isFinished(last) ? exitCodeOf(last) : exitCodes.detached;
      }),
    );
};
