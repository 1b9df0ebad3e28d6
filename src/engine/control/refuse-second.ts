import { DroverError } from '../../errors.ts';
import type { ControlStore, NewRun } from './ports.ts';

/** Two runs of a plan into one schema would write over each other; those that write nothing may be any number. */
export async function refuseSecond(
  store: ControlStore,
  run: Pick<NewRun, 'id' | 'plan' | 'targetSchema' | 'dryRun' | 'exportOnly'>,
): Promise<void> {
  if (run.dryRun || run.exportOnly) return;
  const active = await store.activeRun(run.plan, run.targetSchema);
  if (active === undefined || active === run.id) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${active} is loading into ${run.targetSchema} already`, {
    remedy: 'Wait for it, cancel it, or load into another targetSchema.',
  });
}
