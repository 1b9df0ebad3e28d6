import { DroverError } from '../../errors.ts';
import { keyOf } from './catalog.ts';
import type { Conflict, CutoverResult, Exchange } from './contract.ts';
import { recordFailure, resultWithoutSwap } from './cutover.ts';
import { exchange, planExchange, prepare } from './exchange.ts';
import { shortenName } from './names.ts';
import type { CutoverDeps, CutoverRecord } from './ports.ts';
import { assertNoProblems } from './refuse.ts';

export interface RollbackOptions {
  readonly dryRun: boolean;
  readonly reason: string;
  readonly actor: string;
}

// Changes written while the last pass ran; so few are carried under the locks in some 20 ms. Busy clients write more
// than a handful during any pass, so a smaller number would never be reached.
const maxChangesUnderLocks = 400;
// So many pages at most: writers who are faster than this are carried under the locks, or wait for a quieter hour.
const maxPasses = 1_000;

/**
 * Puts the tables of a backup back. The tables that were live go back to their staging names, whole; what was written to
 * them since the cutover is carried into the restored ones: most of it before the locks, the rest under them.
 */
export async function rollbackCutover(
  deps: CutoverDeps,
  stamp: string,
  options: RollbackOptions,
): Promise<CutoverResult> {
  const backup = await findBackup(deps, stamp);
  if (options.dryRun) {
    const record = await createRollbackRecord(deps, backup, options);
    const waiting = await deps.database.countWaiting(stamp, record.tables);
    return { ...resultWithoutSwap(await planExchange(deps, record), 'rollback', true), carried: waiting };
  }
  return deps.database.withLock(async () => {
    const record = await createRollbackRecord(deps, await findBackup(deps, stamp), options);
    await deps.database.begin(record);
    deps.onBegun?.(record.stamp);
    return recordFailure(deps, record, 'failed', () => executeRollback(deps, record));
  });
}

/** The way back from its first step; after an interruption it goes on where it stands. */
export async function executeRollback(deps: CutoverDeps, record: CutoverRecord): Promise<CutoverResult> {
  assertNoProblems((await planExchange(deps, record)).problems);
  deps.onAllowed?.();
  const early = await carryBeforeLocks(deps, record);
  const brought = await deps.database.copyParents(record.tables);
  const plan = await prepare(deps, record);
  const late = await carryBeforeLocks(deps, record);
  return exchange(deps, record, plan, {
    carried: early.carried + late.carried,
    conflicts: [...early.conflicts, ...brought, ...late.conflicts],
  });
}

async function carryBeforeLocks(deps: CutoverDeps, { stamp: own, ofStamp, tables }: CutoverRecord) {
  const conflicts: Conflict[] = [];
  const stamp = ofStamp ?? '';
  const total = await deps.database.countWaiting(stamp, tables);
  let carried = 0;
  let from = '0';
  for (let pass = 0; pass < maxPasses; pass += 1) {
    const done = await deps.database.carry(stamp, tables, from);
    from = done.last;
    carried += done.carried;
    conflicts.push(...done.conflicts);
    const step = 'changes written since are carried back';
    await deps.database.saveProgress(own, { phase: 'carry', done: carried, total: Math.max(total, carried), step });
    if (done.carried + done.conflicts.length < maxChangesUnderLocks) break;
  }
  return { carried, conflicts };
}

async function findBackup(deps: CutoverDeps, stamp: string): Promise<CutoverRecord> {
  const record = await deps.database.find(stamp);
  if (record?.kind !== 'cutover')
    throw new DroverError('NOT_FOUND', `there is no backup ${JSON.stringify(stamp)}`, {
      remedy: '`drover cutovers` lists them.',
    });
  if (record.status === 'done') return record;
  throw new DroverError(
    'NOT_ALLOWED_NOW',
    `the backup ${JSON.stringify(stamp)} cannot be restored: it is ${record.status}`,
  );
}

/** The same exchange, the other way round. Where new staging tables stand meanwhile, the old ones get a schema of their own. */
async function createRollbackRecord(
  deps: CutoverDeps,
  backup: CutoverRecord,
  options: RollbackOptions,
): Promise<CutoverRecord> {
  const stamp = await deps.database.stamp();
  const catalog = await deps.database.catalog(backup.tables);
  const tables = backup.tables.map(({ incoming, live, displaced }): Exchange => {
    const occupied =
      catalog.tables.has(keyOf(incoming)) || (catalog.taken.get(incoming.schema)?.has(incoming.name) ?? false);
    const aside = { schema: shortenName(live.schema, `_staging_${stamp}`), name: live.name };
    const place = occupied || !catalog.schemas.has(incoming.schema) ? aside : incoming;
    return { incoming: displaced, live, displaced: place };
  });
  const { reason, actor } = options;
  return {
    stamp,
    name: backup.name,
    kind: 'rollback',
    status: 'preparing',
    ofStamp: backup.stamp,
    spec: backup.spec,
    tables,
    reason,
    actor,
    kept: null,
  };
}
