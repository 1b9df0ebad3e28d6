import { DroverError } from '../../errors.ts';
import type { CutoverEntry } from './contract.ts';
import { cleanUp, executeCutover, recordFailure } from './cutover.ts';
import { completeExchange, type ExchangeOutcome } from './exchange.ts';
import type { CutoverDeps, CutoverRecord } from './ports.ts';
import { executeRollback } from './rollback.ts';

/**
 * Carries out what waits: a cutover that is held, an exchange whose process was lost before the swap, or what is still
 * to be done after it. A lost one goes through everything again: what was prepared is found and not made twice.
 */
export async function resume(deps: CutoverDeps, stamp: string): Promise<ExchangeOutcome> {
  return deps.database.withLock(async () => {
    const record = await deps.database.find(stamp);
    if (record?.status === 'done' && record.kept?.afterwards) {
      deps.onBegun?.(stamp);
      deps.onAllowed?.();
      return completeExchange(deps, record, record.kept.afterwards);
    }
    const waiting = assertWaiting(stamp, record);
    await deps.database.applyDecision(stamp, 'preparing');
    deps.onBegun?.(stamp);
    return recordFailure(deps, waiting, 'held', () =>
      waiting.kind === 'cutover' ? executeCutover(deps, waiting, false) : executeRollback(deps, waiting),
    );
  });
}

/** Lets go of what waits, so that another can begin. What was prepared stays on the incoming tables. */
export async function abandon(deps: CutoverDeps, stamp: string): Promise<void> {
  await deps.database.withLock(async () => {
    const record = assertWaiting(stamp, await deps.database.find(stamp));
    await deps.database.applyDecision(stamp, 'abandoned');
    await cleanUp(deps, record);
  });
}

/**
 * Ends what a lost process left to be done after its swap, which needs nobody's word, and answers what does. Nothing
 * is done while a process is at work.
 */
export async function recover(deps: CutoverDeps): Promise<readonly CutoverEntry[]> {
  const unfinished = (await deps.database.list()).filter(
    (one) => one.status === 'done' && one.nextActions.includes('go'),
  );
  for (const { stamp } of unfinished) await resume(deps, stamp);
  return (await deps.database.list()).filter((one) => one.nextActions.includes('abandon'));
}

// Whoever calls holds the lock, so a record that is still `preparing` has lost its process.
function assertWaiting(stamp: string, record: CutoverRecord | undefined): CutoverRecord {
  if (!record)
    throw new DroverError('NOT_FOUND', `there is no cutover ${JSON.stringify(stamp)}`, {
      remedy: '`drover cutovers` lists them.',
    });
  if (record.status === 'held' || record.status === 'preparing') return record;
  throw new DroverError('NOT_ALLOWED_NOW', `the cutover ${stamp} is ${record.status}: nothing of it waits`, {
    remedy: 'See `nextActions` of the cutover.',
  });
}
