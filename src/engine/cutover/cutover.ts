import type {
  CutoverEntry,
  CutoverPlan,
  CutoverResult,
  CutoverSpec,
  CutoverStatus,
  Exchange,
} from '../../contract/cutover.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import { keyOf } from './catalog.ts';
import {
  assertNoProblems,
  checkGate,
  completeExchange,
  type ExchangeOutcome,
  exchange,
  planExchange,
  prepare,
  rowCountProblems,
  swapOptions,
} from './exchange.ts';
import { backupSchema, quoteName, shortenName } from './names.ts';
import { temporaryViewName } from './plan/views.ts';
import type { CutoverDeps, CutoverRecord } from './types.ts';

export interface CutoverOptions {
  readonly dryRun: boolean;
  /** Prepare, then wait for `go`. */
  readonly hold?: boolean | undefined;
  readonly reason: string;
  readonly actor: string;
}

/** What a cutover of this set would do, down to the SQL, and why it cannot be done if it cannot. Changes nothing. */
export async function preflight(deps: CutoverDeps, spec: CutoverSpec): Promise<CutoverPlan> {
  return checkedPlan(deps, await createRecord(deps, spec, { dryRun: true, reason: '', actor: '' }));
}

/**
 * Makes the incoming tables the live ones. Refused (CUTOVER_REFUSED, with all reasons) on red or stale validation, on
 * too few rows, and on whatever the catalog holds that cannot be taken along.
 */
export async function cutover(deps: CutoverDeps, spec: CutoverSpec, options: CutoverOptions): Promise<CutoverResult> {
  if (options.dryRun) return resultWithoutSwap(await preflight(deps, spec), 'cutover', true);
  return deps.database.withLock(async () => {
    const record = await createRecord(deps, spec, options);
    await deps.database.begin(record);
    deps.onBegun?.(record.stamp);
    return recordFailure(deps, record, 'failed', () => executeCutover(deps, record, options.hold ?? false));
  });
}

/** From the checks to the swap, or to the hold before it. Everything is asked again, what is missing is made. */
async function executeCutover(deps: CutoverDeps, record: CutoverRecord, hold: boolean): Promise<CutoverResult> {
  assertNoProblems((await checkedPlan(deps, record)).problems);
  deps.onAllowed?.();
  const prepared = await prepare(deps, record);
  if (!hold) return exchange(deps, record, prepared);
  await deps.database.saveStatus(record.stamp, 'held', {});
  return { ...resultWithoutSwap(prepared, 'cutover', false), status: 'held' };
}

/** Every exchange, newest first, with what its backup holds. */
export function listCutovers(deps: Pick<CutoverDeps, 'database'>): Promise<CutoverEntry[]> {
  return deps.database.list();
}

/** Deletes a backup for good, and the recorded changes that are not needed any more. */
export async function dropBackup(deps: CutoverDeps, stamp: string): Promise<void> {
  await deps.database.withLock(async () => {
    const record = await deps.database.find(stamp);
    if (record?.kind !== 'cutover' || record.status !== 'done')
      throw new DroverError('NOT_FOUND', `there is no backup ${JSON.stringify(stamp)}`, {
        remedy: '`drover cutovers` lists them.',
      });
    await deps.database.dropBackup(stamp, swapOptions(deps));
  });
}

async function checkedPlan(deps: CutoverDeps, record: CutoverRecord): Promise<CutoverPlan> {
  const plan = await planExchange(deps, record);
  if (plan.problems.length > 0) return plan;
  const counts = await deps.database.counts(record.spec.tables);
  const { problems, warnings } = await checkGate(deps, record.spec);
  return {
    ...plan,
    problems: [...problems, ...rowCountProblems(record.spec, counts)],
    warnings: [...plan.warnings, ...warnings],
  };
}

async function createRecord(deps: CutoverDeps, spec: CutoverSpec, options: CutoverOptions): Promise<CutoverRecord> {
  const stamp = await deps.database.stamp();
  const tables = spec.tables.map(({ incoming, live }): Exchange => {
    return { incoming, live, displaced: { schema: backupSchema(live.schema, stamp), name: live.name } };
  });
  const { reason, actor } = options;
  const rest = { ofStamp: null, spec, tables, reason, actor, kept: null };
  return { stamp, name: spec.name, kind: 'cutover', status: 'preparing', ...rest };
}

/**
 * A record whose work failed says so and why; the swap itself is either wholly done or has not happened. `otherwise`:
 * what it then is; one that was held stays held, so that the operator may mend the reason and say go again.
 */
async function recordFailure(
  deps: CutoverDeps,
  record: CutoverRecord,
  otherwise: Extract<CutoverStatus, 'failed' | 'held'>,
  work: () => Promise<CutoverResult>,
): Promise<CutoverResult> {
  try {
    return await work();
  } catch (thrown) {
    const error = toDroverError(thrown);
    const save = () => saveFailure(deps, record, otherwise, error);
    // After the lock was lost with its connection, the failure is saved only while no other process holds it. Otherwise the
    // record shows that its process was lost.
    await save().catch(() => deps.database.withLock(save).catch(() => undefined));
    throw thrown;
  }
}

async function saveFailure(
  deps: CutoverDeps,
  record: CutoverRecord,
  otherwise: Extract<CutoverStatus, 'failed' | 'held'>,
  { code, reasons, message }: DroverError,
): Promise<void> {
  if ((await deps.database.find(record.stamp))?.status !== 'preparing') return;
  const refused = otherwise === 'failed' && code === 'CUTOVER_REFUSED';
  const problems = reasons.length > 0 ? reasons : [`${code}: ${message}`];
  await deps.database.saveStatus(record.stamp, refused ? 'refused' : otherwise, { problems });
  if (otherwise === 'failed') await cleanUp(deps, record).catch(() => undefined);
}

/** Takes away what only this stamp would have used: its empty backup schemas, and views that were filled for it. */
async function cleanUp(deps: CutoverDeps, { stamp, tables, kind }: CutoverRecord): Promise<void> {
  const { views } = await deps.database.catalog(tables);
  for (const view of views.filter((one) => one.materialized).reverse())
    await deps.database.run(
      `DROP MATERIALIZED VIEW IF EXISTS ${quoteName(temporaryViewName(stamp, view))}`,
      swapOptions(deps),
    );
  if (kind === 'cutover') await deps.database.dropEmptySchemas(stamp, tables);
}

/** The answer of an exchange that has not swapped anything. */
function resultWithoutSwap(plan: CutoverPlan, kind: 'cutover' | 'rollback', dryRun: boolean): CutoverResult {
  const none = { counts: [], timing: null, unplanned: [], carried: 0, conflicts: [] };
  return { stamp: plan.stamp, kind, dryRun, status: 'preparing', plan, ...none };
}

export interface RollbackOptions {
  readonly dryRun: boolean;
  readonly reason: string;
  readonly actor: string;
}

// Changes written while the last pass ran; so few are carried under the locks in some 20 ms. Busy clients write more
// than a handful during any pass, so a smaller number would never be reached.
const maxChangesUnderLocks = 400;
// So many pages at most: writes that come faster are carried under the locks, or the rollback is tried again at a quieter time.
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
async function executeRollback(deps: CutoverDeps, record: CutoverRecord): Promise<CutoverResult> {
  assertNoProblems((await planExchange(deps, record)).problems);
  deps.onAllowed?.();
  await carryBeforeLocks(deps, record);
  await deps.database.copyParents(record);
  const plan = await prepare(deps, record);
  await carryBeforeLocks(deps, record);
  return exchange(deps, record, plan);
}

async function carryBeforeLocks(deps: CutoverDeps, record: CutoverRecord): Promise<void> {
  const total = await deps.database.countWaiting(record.ofStamp ?? '', record.tables);
  let carried = 0;
  let from = '0';
  for (let pass = 0; pass < maxPasses; pass += 1) {
    const done = await deps.database.carry(record, from);
    from = done.last;
    carried += done.carried;
    const step = 'changes written since are carried back';
    await deps.database.saveProgress(record.stamp, {
      phase: 'carry',
      done: carried,
      total: Math.max(total, carried),
      step,
    });
    if (done.carried + done.conflicts.length < maxChangesUnderLocks) break;
  }
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

/** Gives up an exchange that waits, so that another can begin. What was prepared stays on the incoming tables. */
export async function abandon(deps: CutoverDeps, stamp: string): Promise<void> {
  await deps.database.withLock(async () => {
    const record = assertWaiting(stamp, await deps.database.find(stamp));
    await deps.database.applyDecision(stamp, 'abandoned');
    await cleanUp(deps, record);
  });
}

/**
 * Ends what a lost process left to be done after its swap, which needs no decision, and answers the exchanges that need one. Nothing
 * is done while a process is at work.
 */
export async function recover(deps: CutoverDeps): Promise<readonly CutoverEntry[]> {
  const unfinished = (await deps.database.list()).filter(
    (one) => one.status === 'done' && one.nextActions.includes('go'),
  );
  for (const { stamp } of unfinished) await resume(deps, stamp);
  return (await deps.database.list()).filter((one) => one.nextActions.includes('abandon'));
}

// The caller holds the lock, so a record that is still `preparing` has lost its process.
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
