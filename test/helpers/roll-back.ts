import { setTimeout as sleep } from 'node:timers/promises';
import type { Control } from '../../src/contract/control.ts';
import type { Actor, RollbackView } from '../../src/contract/runs.ts';

/** Rolls a run back and waits for its end, in the request or in the background. */
export async function rollBackAndWait(
  control: Pick<Control, 'rollback' | 'rollbackStatus'>,
  id: string,
  actor: Actor,
): Promise<RollbackView> {
  let view = await control.rollback(id, { reason: 'a test', dryRun: false }, actor);
  for (const until = Date.now() + 220_000; view.status === 'working'; view = await control.rollbackStatus(id)) {
    if (Date.now() > until) throw new Error(`the rollback of ${id} stands at ${view.done} of ${view.total}`);
    await sleep(50);
  }
  return view;
}
