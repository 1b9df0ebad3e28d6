import { DroverError } from '../../errors.ts';
import type { ControlStore, NewRun } from './ports.ts';

/** Two runs of a plan into one schema would write over each other; those that write nothing may be any number. */
export async function refuseSecond(
  store: ControlStore,
  run: Pick<NewRun, 'id' | 'plan' | 'targetSchema' | 'dryRun' | 'exportOnly'>,
): Promise<void> {
  if (run.dryRun || run.exportOnly) return;
  await refuseRollingBack(store, run);
  const active = await store.activeRun(run.plan, run.targetSchema);
  if (active === undefined || active === run.id) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${active} is loading into ${run.targetSchema} already`, {
    remedy: 'Wait for it, cancel it, or load into another targetSchema.',
  });
}

/** What one undoes the other would do again, or undo in the wrong order. */
export async function refuseRollingBack(
  store: ControlStore,
  { plan, targetSchema }: Pick<NewRun, 'plan' | 'targetSchema'>,
): Promise<void> {
  const undone = await store.rollingBack(plan, targetSchema);
  if (undone === undefined) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${undone} is being rolled back`, {
    remedy: `Wait for its end: \`drover status ${undone}\` says how far it is.`,
  });
}
