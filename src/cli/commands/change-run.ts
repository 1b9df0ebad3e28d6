import type { Command } from 'commander';
import type { RunView } from '../../contract/runs.ts';
import { pathOf } from '../client.ts';
import { type ActionWrapper, type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { resolveRunId } from '../find-run.ts';
import { parseBatchSize as batchSizeOf } from '../option-parsers.ts';
import { batchSizeText, runHead } from '../run-summary.ts';
import { waitForRun } from '../wait.ts';

export interface RunChange {
  readonly name: 'pause' | 'resume' | 'cancel' | 'retry';
  readonly description: string;
  /** For the example in the help. */
  readonly reason: string;
  readonly reasonOptional?: boolean;
  /** The run goes on after it, so it can be followed. */
  readonly continuesRun: boolean;
}

/** The commands that request one change of a run and show the run afterwards. */
function defineRunChange(program: Command, action: ActionWrapper, change: RunChange): void {
  const command = program
    .command(`${change.name} <run>`)
    .description(change.description)
    .addOption(reasonOption().makeOptionMandatory(!change.reasonOptional))
    .addHelpText('after', examples(`${change.name} RUN --reason "${change.reason}"`));
  if (change.continuesRun) command.option('--wait', 'follow the run to its end; the exit code says how it went');
  command.action(
    action(async (session, { reason, wait }: Partial<ReasonOptions> & { wait?: boolean }, idOrPlan: string) => {
      const { api, out } = session;
      const id = await resolveRunId(session, idOrPlan);
      const run = await api.request<RunView>('POST', `${pathOf`/runs/${id}`}/${change.name}`, { body: { reason } });
      if (wait) return waitForRun(session, run);
      out.answer(run, (safe) => runHead(safe, out.paint));
      return exitCodes.green;
    }),
  );
}

export const pause: DefineCommand = (program, action) => {
  defineRunChange(program, action, {
    name: 'pause',
    description: 'finish what is in progress and dispatch nothing more',
    reason: 'the CMS team needs its API until noon',
    continuesRun: false,
  });
};

export const resume: DefineCommand = (program, action) => {
  defineRunChange(program, action, {
    name: 'resume',
    description: 'go on with a paused run',
    reason: 'the API is ours again',
    continuesRun: true,
  });
};

export const cancel: DefineCommand = (program, action) => {
  defineRunChange(program, action, {
    name: 'cancel',
    description: 'end a run for good; what is loaded stays until it is rolled back',
    reason: 'wrong field map',
    continuesRun: false,
  });
};

export const retry: DefineCommand = (program, action) => {
  defineRunChange(program, action, {
    name: 'retry',
    description:
      'read everything that was rejected or failed from the source again, rewrite what differs, and read on where reading failed',
    reason: 'the key is renewed',
    reasonOptional: true,
    continuesRun: true,
  });
};

export const batchSize: DefineCommand = (program, action) => {
  program
    .command('batch-size <run>')
    .argument('<n>', 'records a job, 1 to 500, or auto', batchSizeOf)
    .description('change how many records of a run travel in one job, while it runs')
    .addOption(reasonOption())
    .addHelpText(
      'after',
      examples('batch-size RUN 100 --reason "the window is short"', 'batch-size RUN auto --reason "size not known"'),
    )
    .action(
      action(async (session, { reason }: ReasonOptions, idOrPlan: string, size: number | 'auto') => {
        const { api, out } = session;
        const id = await resolveRunId(session, idOrPlan);
        const body = { batchSize: size, reason };
        const run = await api.request<RunView>('PATCH', pathOf`/runs/${id}`, { body });
        out.answer(run, (safe) => `run ${safe.id}: ${batchSizeText(safe)}`);
        return exitCodes.green;
      }),
    );
};
