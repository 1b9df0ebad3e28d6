import type { RollbackView } from '../../contract/runs.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import type { BackgroundRollbackStore, RollbackLock, RollbackRequest } from './background.sql.ts';
import { type RollbackDeps, rollbackRun } from './rollback.ts';

export interface BackgroundRollbackDeps {
  readonly store: BackgroundRollbackStore;
  readonly rollback: RollbackDeps;
  /** Called with the error of a rollback that failed: no request waits for it. */
  readonly onFailure: (error: unknown) => void;
}

export type BackgroundRollbacks = ReturnType<typeof createBackgroundRollbacks>;

/** Rollbacks of runs that wrote to APIs: they take long and continue in this process after their request was answered. */
export function createBackgroundRollbacks(deps: BackgroundRollbackDeps) {
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  /** Throws NOT_FOUND when no rollback of the run was ever begun in the background. */
  const find = async (runId: string): Promise<RollbackView> => {
    const view = await deps.store.find(runId);
    if (view) return view;
    throw new DroverError('NOT_FOUND', `there is no background rollback of run ${runId}`, {
      remedy: `Runs that wrote to PostgreSQL only are rolled back within the request: see \`drover audit --subject ${runId}\`.`,
    });
  };
  return {
    find,
    findActive: deps.store.findActive,
    /**
     * Begins a rollback, or continues an interrupted one, and answers its state. `finished` is called before it is stored
     * as done. Throws NOT_ALLOWED_NOW when another process carries it out.
     */
    async start(
      run: Run,
      plan: Plan,
      asked: RollbackRequest,
      finished: (view: RollbackView) => Promise<void>,
    ): Promise<RollbackView> {
      const lock = await deps.store.lock(run.id);
      try {
        await deps.store.begin(run.id, asked);
      } catch (error) {
        await lock.release();
        throw error;
      }
      const work = execute(deps, closing.signal, lock, run, plan, finished);
      running.add(work);
      void work.finally(() => running.delete(work));
      return find(run.id);
    },
    /** Stops the work between two records. Its state is then `interrupted`, and the next request continues it. */
    async close(): Promise<void> {
      closing.abort();
      await Promise.all(running);
    },
  };
}

/** Never throws: the end is stored, or the rollback is left interrupted. */
async function execute(
  { store, rollback, onFailure }: BackgroundRollbackDeps,
  closing: AbortSignal,
  lock: RollbackLock,
  run: Run,
  plan: Plan,
  finished: (view: RollbackView) => Promise<void>,
): Promise<void> {
  const signal = AbortSignal.any([closing, lock.lost]);
  try {
    await rollbackRun(rollback, run, plan, {
      dryRun: false,
      signal,
      onProgress: (result) => store.add(run.id, result),
    });
    const view = await store.find(run.id);
    if (view) await finished(view);
    await store.end(run.id, 'done', null);
  } catch (thrown) {
    if (signal.aborted) return;
    const { code, message } = toDroverError(thrown);
    await store.end(run.id, 'failed', `${code}: ${message}`).catch(onFailure);
    onFailure(thrown);
  } finally {
    await lock.release().catch(onFailure);
  }
}
