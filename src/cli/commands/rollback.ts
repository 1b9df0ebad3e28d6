import { setTimeout as sleep } from 'node:timers/promises';
import type { RollbackView } from '../../contract/runs.ts';
import { pathOf } from '../client.ts';
import {
  type DefineCommand,
  examples,
  type ReasonOptions,
  reasonOption,
  requireConfirmation,
  type Session,
} from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { resolveRunId } from '../find-run.ts';
import { defaultFollowTiming, retryWhileUnreachable, runInterruptible } from '../follow.ts';
import { formatTable, type Paint } from '../format.ts';
import { sendLongRequest } from '../long-request.ts';

interface Options extends ReasonOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const rollback: DefineCommand = (program, action) => {
  program
    .command('rollback <run>')
    .description('remove what a run inserted and restore what it changed, nothing else')
    .addOption(reasonOption())
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples('rollback RUN --reason "wrong field map" --dry-run', 'rollback RUN --reason … --yes'),
    )
    .action(
      action(async (session, options: Options, idOrPlan: string) => {
        const { out } = session;
        const id = await confirmedRunId(session, options, idOrPlan);
        const begun = await requestRollback(session, id, options.reason, options.dryRun === true);
        const done = begun.status === 'working' ? await followRollback(session, begun) : begun;
        out.answer(done, (safe) => rollbackReport(safe, out.paint));
        if (done.status !== 'done') out.note(nextStepText(session, done));
        return rollbackExitCode(done);
      }),
    );
};

/** Rows that were not undone need an operator's decision. */
function rollbackExitCode({ status, conflicts }: RollbackView): ExitCode {
  if (status === 'working') return exitCodes.detached;
  return status === 'done' && conflicts.length === 0 ? exitCodes.green : exitCodes.failures;
}

function nextStepText({ settings: { invocation } }: Session, { runId, status }: RollbackView): string {
  const again = `${invocation} rollback ${runId} --reason …`;
  if (status === 'working') return `No longer following: it goes on. How far it is: ${invocation} status ${runId}`;
  return status === 'interrupted' ? `The service was stopped. It goes on with: ${again}` : `To go on with it: ${again}`;
}

function requestRollback(session: Session, id: string, reason: string, dryRun: boolean): Promise<RollbackView> {
  const what = dryRun ? `looking what a rollback of run ${id} would do` : `rolling back run ${id}`;
  return sendLongRequest(session, what, { path: pathOf`/runs/${id}/rollback`, body: { reason, dryRun } });
}

/** The run to roll back, after the operator confirmed it. Without a terminal, nothing is sent to the API. */
async function confirmedRunId(session: Session, options: Options, idOrPlan: string): Promise<string> {
  if (options.dryRun || options.yes) return resolveRunId(session, idOrPlan);
  let id = '';
  await requireConfirmation(session, 'a rollback', async () => {
    id = await resolveRunId(session, idOrPlan);
    return rollbackQuestion(session, id, options.reason);
  });
  return id;
}

/** Runs it without writing first, so that the question can show its effect. */
async function rollbackQuestion(session: Session, id: string, reason: string): Promise<string> {
  const trial = await requestRollback(session, id, reason, true);
  const stake = `${trial.removed} rows are removed, ${trial.restored} restored, ${trial.conflicts.length} not undone`;
  return `Rolling back run ${id}: ${stake}. `;
}

const pollIntervalMs = 500;

/** Follows a rollback that continues in the API to its end, or until the operator interrupts following. */
async function followRollback(session: Session, started: RollbackView): Promise<RollbackView> {
  const { api, out } = session;
  const onContact = (lost: string | undefined): void =>
    out.note(lost === undefined ? 'the service answers again' : `${lost}; trying again`);
  const line = createRollbackProgress(session);
  let view = started;
  try {
    await runInterruptible(async (signal) => {
      const ask = (): Promise<RollbackView> => api.get(pathOf`/runs/${started.runId}/rollback`);
      while (view.status === 'working' && !signal.aborted) {
        line.show(view);
        await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined);
        view = (await retryWhileUnreachable(ask, { signal, onContact }, defaultFollowTiming)) ?? view;
      }
    });
    line.show(view);
  } finally {
    line.end();
  }
  return view;
}

/** `Rollback: 45.2% (452/1000) | Removed: 300 | Restored: 152 | Not undone: 0` */
export function formatRollbackProgress({ done, total, removed, restored, conflicts }: RollbackView): string {
  if (total === 0) return 'Rollback: nothing to undo';
  const percent = Math.floor((done * 1000) / total) / 10;
  const parts = [`Rollback: ${percent.toFixed(1)}% (${done}/${total})`, `Removed: ${removed}`, `Restored: ${restored}`];
  return [...parts, `Not undone: ${conflicts.length}`].join(' | ');
}

const logIntervalMs = 5_000;

/** One line that is rewritten in a terminal, a new line at intervals elsewhere. */
function createRollbackProgress({ out }: Session): { show(view: RollbackView): void; end(): void } {
  const { stderr } = out.streams;
  if (out.json) return { show: () => undefined, end: () => undefined };
  if (stderr.isTTY) {
    return {
      show: (view) => void stderr.write(`\r\u001b[2K${formatRollbackProgress(view)}`),
      end: () => void stderr.write('\n'),
    };
  }
  let lastLineAt = 0;
  return {
    show(view) {
      if (view.status === 'working' && Date.now() - lastLineAt < logIntervalMs) return;
      lastLineAt = Date.now();
      stderr.write(`${formatRollbackProgress(view)}\n`);
    },
    end: () => undefined,
  };
}

/** What a rollback did or would do, with every row that was not undone and its cause. */
function rollbackReport(view: RollbackView, paint: Paint): string {
  const done = view.dryRun ? 'would remove' : 'removed';
  const restored = view.dryRun ? 'restore' : 'restored';
  const head = `run ${view.runId}: ${done} ${view.removed} rows and ${restored} ${view.restored}${progressSuffix(view)}`;
  if (view.conflicts.length === 0) return head;
  const conflicts = formatTable(
    view.conflicts,
    [
      { title: 'entity', value: (row) => row.entity },
      { title: 'target id', value: (row) => row.targetId },
      { title: 'cause', value: (row) => row.detail },
    ],
    paint,
  );
  return `${head}\n${paint(`${view.conflicts.length} ${view.dryRun ? 'would not be' : 'were not'} undone:`, 'yellow')}\n${conflicts}`;
}

function progressSuffix({ status, done, total, error }: RollbackView): string {
  if (status === 'done') return '';
  return `; ${status} at ${done} of ${total}${error === null ? '' : `: ${error}`}`;
}
