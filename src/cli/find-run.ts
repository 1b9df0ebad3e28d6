import type { Page, RunView } from '../contract/runs.ts';
import { type Client, pathOf } from './client.ts';
import type { Session } from './command.ts';
import { Problem, usageError } from './problem.ts';

/** Resolves RUN of every command: the run with this id, or the newest run of the plan with this name. */
export async function findRun(api: Client, idOrPlan: string): Promise<RunView> {
  try {
    return await api.get<RunView>(pathOf`/runs/${idOrPlan}`);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== 404) throw thrown;
  }
  const run = await newestRun(api, idOrPlan);
  if (run) return run;
  throw new Problem({
    code: 'NOT_FOUND',
    message: `${idOrPlan} is no run, and no plan that has been run`,
    remedy: '`drover runs` lists the runs, `drover plans` the plans.',
    status: 404,
  });
}

/** The id of the run to change. When a plan is named, a note says which run was resolved. */
export async function resolveRunId({ api, out }: Session, idOrPlan: string): Promise<string> {
  const run = await findRun(api, idOrPlan);
  if (run.id !== idOrPlan) out.note(`the newest run of ${idOrPlan} is ${run.id} (${run.status})`);
  return run.id;
}

/** The newest run of a plan, or of all. */
export async function newestRun(api: Client, plan: string | undefined): Promise<RunView | undefined> {
  const page = await api.get<Page<RunView>>('/runs', { plan, limit: 1 });
  return page.items[0];
}

/** Like findRun; without a name, the newest run of all plans. */
export async function findRunOrNewest(api: Client, idOrPlan: string | undefined): Promise<RunView> {
  if (idOrPlan !== undefined) return findRun(api, idOrPlan);
  const run = await newestRun(api, undefined);
  if (run) return run;
  throw usageError('there is no run yet', 'Start one with `drover run PLAN`.');
}
