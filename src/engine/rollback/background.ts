import type { RollbackView } from '../../contract/runs.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import type { BackgroundRollbackStore, RollbackLock, RollbackRequest } from './background.sql.ts';
import { type RollbackDeps, rollbackRun } from './rollback.ts';

export interface BackgroundRollbackDeps {
  readonly store: BackgroundRollbackStore;
  readonly rollback: RollbackDeps;
  /** Told of a rollback that ended badly: nobody waits for it. */
  readonly onFailure: (error: unknown) => void;
}

/** Rollbacks of runs that wrote to APIs, which go on in this process when their request was answered. */
export interface BackgroundRollbacks {
  /**
   * Begins a rollback, or goes on with one that was interrupted, and answers where it stands. `finished` is told when
   * everything was gone through. Throws NOT_ALLOWED_NOW when another process is at it.
   */
  start(
    run: Run,
    plan: Plan,
    asked: RollbackRequest,
    finished: (view: RollbackView) => Promise<void>,
  ): Promise<RollbackView>;
  find(runId: string): Promise<RollbackView>;
  findActive(plan: string, targetSchema: string): Promise<string | undefined>;
  /** Stops what is under way between two records; it is found interrupted, and goes on when asked for again. */
  close(): Promise<void>;
}

export function createBackgroundRollbacks(deps: BackgroundRollbackDeps): BackgroundRollbacks {
  const ending = new AbortController();
  const works = new Set<Promise<void>>();
  const find = async (runId: string): Promise<RollbackView> => {
    const view = await deps.store.find(runId);
    if (view) return view;
    throw new DroverError('NOT_FOUND', `no rollback of run ${runId} goes on after its request`, {
      remedy: 'What wrote to PostgreSQL alone is taken back within the request.',
    });
  };
  return {
    find,
    findActive: deps.store.findActive,
    async start(run, plan, asked, finished) {
      const hold = await deps.store.lock(run.id);
      try {
        await deps.store.begin(run.id, asked);
      } catch (error) {
        await hold.release();
        throw error;
      }
      const work = execute(deps, ending.signal, hold, run, plan, finished);
      works.add(work);
      void work.finally(() => works.delete(work));
      return find(run.id);
    },
    async close() {
      ending.abort();
      await Promise.all(works);
    },
  };
}

/** Never throws: how it ended is written down, or it is found interrupted. */
async function execute(
  { store, rollback, onFailure }: BackgroundRollbackDeps,
  closing: AbortSignal,
  hold: RollbackLock,
  run: Run,
  plan: Plan,
  finished: (view: RollbackView) => Promise<void>,
): Promise<void> {
  const signal = AbortSignal.any([closing, hold.lost]);
  try {
    await rollbackRun(rollback, run, plan, { dryRun: false, signal, onPiece: (piece) => store.add(run.id, piece) });
    const view = await store.find(run.id);
    if (view) await finished(view);
    await store.end(run.id, 'done', null);
  } catch (thrown) {
    if (signal.aborted) return;
    const { code, message } = toDroverError(thrown);
    await store.end(run.id, 'failed', `${code}: ${message}`).catch(onFailure);
    onFailure(thrown);
  } finally {
    await hold.release().catch(onFailure);
  }
}
