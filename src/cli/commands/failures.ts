import type { FailureGroup, RunView } from '../../contract/runs.ts';
import type { List } from '../api-types.ts';
import { type Client, pathOf } from '../client.ts';
import { type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { findRun, resolveRunId } from '../find-run.ts';
import { usageError } from '../problem.ts';
import { failureList } from '../run-summary.ts';
import { waitForRun } from '../wait.ts';

export const failures: DefineCommand = (program, action) => {
  program
    .command('failures <run>')
    .description('show what failed, by cause, with the remedy')
    .addHelpText('after', examples('failures bubble', 'failures RUN --json'))
    .action(
      action(async ({ api, out, settings }, _options: object, id: string) => {
        const run = await findRun(api, id);
        const groups = await api.get<List<FailureGroup>>(pathOf`/runs/${run.id}/failures`);
        out.answer(groups, (safe) => (safe.items.length === 0 ? 'no failures' : failureList(safe.items, out.paint)));
        if (groups.items.length > 0 && run.nextActions.includes('replay')) {
          out.note(`When a cause is corrected: ${settings.invocation} replay ${run.id} GROUP --reason TEXT`);
        }
        return exitCodes.green;
      }),
    );
};

interface ReplayResult {
  readonly replayed: number;
  readonly run: RunView;
}

interface Options extends Partial<ReasonOptions> {
  readonly all?: boolean;
  readonly wait?: boolean;
}

export const replay: DefineCommand = (program, action) => {
  program
    .command('replay <run> [group]')
    .description('read the records of a failure group from the source again and put them on their way')
    .option('--all', 'every group')
    .addOption(reasonOption().makeOptionMandatory(false))
    .option('--wait', 'follow the run to its end; the exit code says how it went')
    .addHelpText('after', examples('replay RUN GROUP --reason "corrected in Bubble"', 'replay RUN --all --reason …'))
    .action(
      action(async (session, options: Options, idOrPlan: string, group: string | undefined) => {
        const { api, out } = session;
        if ((group === undefined) === (options.all !== true)) {
          throw usageError('name one group, or --all', `\`drover failures ${idOrPlan}\` lists them.`);
        }
        const id = await resolveRunId(session, idOrPlan);
        const names = group === undefined ? await replayableGroups(api, id) : [group];
        const done = await replayEach(api, id, names, options.reason);
        if (options.wait) return waitForRun(session, done.run);
        out.answer(done, (safe) => `${safe.replayed} records are on their way again in run ${safe.run.id}`);
        return exitCodes.green;
      }),
    );
};

/** Blocked records continue by themselves after their parents. */
async function replayableGroups(api: Client, id: string): Promise<readonly string[]> {
  const { items } = await api.get<List<FailureGroup>>(pathOf`/runs/${id}/failures`);
  return items.filter((group) => group.status !== 'blocked').map((group) => group.group);
}

async function replayEach(api: Client, id: string, groups: readonly string[], reason?: string): Promise<ReplayResult> {
  let replayed = 0;
  let run: RunView | undefined;
  for (const group of groups) {
    const path = pathOf`/runs/${id}/failures/${group}/replay`;
    const answer = await api.request<ReplayResult>('POST', path, { body: { reason } });
    replayed += answer.replayed;
    run = answer.run;
  }
  return { replayed, run: run ?? (await api.get<RunView>(pathOf`/runs/${id}`)) };
}
