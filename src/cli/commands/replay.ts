import type { FailureGroup, List, RunView } from '../answers.ts';
import { type Client, pathOf } from '../client.ts';
import { type Define, examples, type Reasoned, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { usage } from '../problem.ts';
import { takeRun } from '../runs.ts';
import { waitFor } from '../wait.ts';

interface Replayed {
  readonly replayed: number;
  readonly run: RunView;
}

interface Options extends Partial<Reasoned> {
  readonly all?: boolean;
  readonly wait?: boolean;
}

export const replay: Define = (program, act) => {
  program
    .command('replay <run> [group]')
    .description('read the records of a failure group from the source again and put them on their way')
    .option('--all', 'every group')
    .addOption(reasonOption().makeOptionMandatory(false))
    .option('--wait', 'follow the run to its end; the exit code says how it went')
    .addHelpText('after', examples('replay RUN GROUP --reason "corrected in Bubble"', 'replay RUN --all --reason …'))
    .action(
      act(async (session, options: Options, idOrPlan: string, group: string | undefined) => {
        const { api, out } = session;
        if ((group === undefined) === (options.all !== true)) {
          throw usage('name one group, or --all', `\`drover failures ${idOrPlan}\` lists them.`);
        }
        const id = await takeRun(session, idOrPlan);
        const names = group === undefined ? await replayable(api, id) : [group];
        const done = await replayEach(api, id, names, options.reason);
        if (options.wait) return waitFor(session, done.run);
        out.answer(done, (safe) => `${safe.replayed} records are on their way again in run ${safe.run.id}`);
        return exitCodes.green;
      }),
    );
};

/** Blocked records follow their parents by themselves. */
async function replayable(api: Client, id: string): Promise<readonly string[]> {
  const { items } = await api.get<List<FailureGroup>>(pathOf`/runs/${id}/failures`);
  return items.filter((group) => group.status !== 'blocked').map((group) => group.group);
}

async function replayEach(api: Client, id: string, groups: readonly string[], reason?: string): Promise<Replayed> {
  let replayed = 0;
  let run: RunView | undefined;
  for (const group of groups) {
    const path = pathOf`/runs/${id}/failures/${group}/replay`;
    const answer = await api.request<Replayed>('POST', path, { body: { reason } });
    replayed += answer.replayed;
    run = answer.run;
  }
  return { replayed, run: run ?? (await api.get<RunView>(pathOf`/runs/${id}`)) };
}
