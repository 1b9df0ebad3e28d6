import { DroverError, toDroverError } from '../../errors.ts';
import type { CutoverEntry, CutoverPlan, CutoverResult, CutoverSpec, CutoverStatus, Exchange } from './contract.ts';
import { exchange, planExchange, prepare, swapOptions } from './exchange.ts';
import { backupSchema, quoteName } from './names.ts';
import { temporaryViewName } from './plan/materialized.ts';
import type { CutoverDeps, CutoverRecord } from './ports.ts';
import { assertNoProblems, rowCountProblems } from './refuse.ts';

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
export async function executeCutover(deps: CutoverDeps, record: CutoverRecord, hold: boolean): Promise<CutoverResult> {
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

/** Deletes a backup for good, and the recorded changes nobody can need any more. */
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
  const { ok, reasons, warnings = [] } = await deps.gate.check(record.spec);
  const refused = ok || reasons.length > 0 ? reasons : ['the validation does not allow it'];
  return {
    ...plan,
    problems: [...refused, ...rowCountProblems(record.spec, counts)],
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
export async function recordFailure(
  deps: CutoverDeps,
  record: CutoverRecord,
  otherwise: Extract<CutoverStatus, 'failed' | 'held'>,
  work: () => Promise<CutoverResult>,
): Promise<CutoverResult> {
  try {
    return await work();
  } catch (thrown) {
    const error = toDroverError(thrown);
    const say = () => saveFailure(deps, record, otherwise, error);
    // Who lost the lock with its connection may say so only where nobody has taken it since. Where that cannot be said, the
    // record shows that its process was lost.
    await say().catch(() => deps.database.withLock(say).catch(() => undefined));
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
export async function cleanUp(deps: CutoverDeps, { stamp, tables, kind }: CutoverRecord): Promise<void> {
  const { views } = await deps.database.catalog(tables);
  for (const view of views.filter((one) => one.materialized).reverse())
    await deps.database.run(
      `DROP MATERIALIZED VIEW IF EXISTS ${quoteName(temporaryViewName(stamp, view))}`,
      swapOptions(deps),
    );
  if (kind === 'cutover') await deps.database.dropEmptySchemas(stamp, tables);
}

/** The answer of an exchange that has not swapped anything. */
export function resultWithoutSwap(plan: CutoverPlan, kind: 'cutover' | 'rollback', dryRun: boolean): CutoverResult {
  const none = { counts: [], timing: null, unplanned: [], carried: 0, conflicts: [] };
  return { stamp: plan.stamp, kind, dryRun, status: 'preparing', plan, ...none };
}
