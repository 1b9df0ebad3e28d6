import { writesToApis } from '../effects/undo-run.ts';
import { assertAllowed } from '../run-status.ts';
import { runEntry } from './audit.ts';
import type { Actor, RollbackView } from './contract.ts';
import type { ControlDeps } from './deps.ts';
import { findRun } from './find-run.ts';
import { refuseRollingBack } from './refuse-second.ts';

/**
 * What is undone lies in the target's database or at an API, out of reach of the log's transactions, so it is written down
 * before it begins, and how it ended after it.
 */
export async function rollback(
  deps: ControlDeps,
  id: string,
  { reason, dryRun }: { reason: string; dryRun: boolean },
  actor: Actor,
): Promise<RollbackView> {
  const seen = await findRun(deps.store, id);
  if (!dryRun) await refuseRollingBack(deps.store, seen);
  const run = await deps.store.change(
    id,
    async (changes) => {
      const found = await findRun(changes, id);
      assertAllowed(found, 'rollback');
      return found;
    },
    () => runEntry(id, 'rollback', actor, { reason, details: { dryRun } }),
  );
  if (dryRun) return deps.rollback(run, true);
  const ended = (done: RollbackView): Promise<void> => settle(deps, done, reason, actor);
  const plan = deps.plan(run.plan);
  const asked = { actor: actor.id, role: actor.role, reason };
  if (writesToApis(plan)) return deps.rollbacks.start(run, plan, asked, ended);
  const done = await deps.rollback(run, false);
  await ended(done);
  return done;
}

function settle(
  { store }: ControlDeps,
  { runId, removed, restored, conflicts: left }: RollbackView,
  reason: string,
  actor: Actor,
): Promise<void> {
  const conflicts = left.length;
  return store.change(
    runId,
    async (changes) => {
      if (conflicts === 0) await changes.setRolledBack(runId);
    },
    () => runEntry(runId, 'rolled-back', actor, { reason, details: { removed, restored, conflicts } }),
  );
}
