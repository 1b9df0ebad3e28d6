import type { Command } from 'commander';
import type { RunView } from './answers.ts';
import { pathOf } from './client.ts';
import { type ActionWrapper, examples, type ReasonOptions, reasonOption } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { resolveRunId } from './runs.ts';
import { runHead } from './views/run-head.ts';
import { waitForRun } from './wait.ts';

export interface RunChange {
  readonly name: 'pause' | 'resume' | 'cancel' | 'retry';
  readonly description: string;
  /** For the example in the help. */
  readonly reason: string;
  readonly reasonOptional?: boolean;
  /** The run goes on after it, so it can be followed. */
  readonly continuesRun: boolean;
}

/** The commands that ask one thing of a run and show it afterwards. */
export function defineRunChange(program: Command, act: ActionWrapper, change: RunChange): void {
  const command = program
    .command(`${change.name} <run>`)
    .description(change.description)
    .addOption(reasonOption().makeOptionMandatory(!change.reasonOptional))
    .addHelpText('after', examples(`${change.name} RUN --reason "${change.reason}"`));
  if (change.continuesRun) command.option('--wait', 'follow the run to its end; the exit code says how it went');
  command.action(
    act(async (session, { reason, wait }: Partial<ReasonOptions> & { wait?: boolean }, idOrPlan: string) => {
      const { api, out } = session;
      const id = await resolveRunId(session, idOrPlan);
      const run = await api.request<RunView>('POST', `${pathOf`/runs/${id}`}/${change.name}`, { body: { reason } });
      if (wait) return waitForRun(session, run);
      out.answer(run, (safe) => runHead(safe, out.paint));
      return exitCodes.green;
    }),
  );
}
