import { DroverError } from '../../errors.ts';
import type { BackupView, CutoverPlan, CutoverResult, CutoverSpec, Exchange } from './contract.ts';
import { exchange, optionsOf, planOf, prepare } from './exchange.ts';
import { backupSchema } from './names.ts';
import type { CutoverDeps, CutoverRecord } from './ports.ts';
import { refuseIf, shortfalls } from './refuse.ts';

export interface CutoverOptions {
  readonly dryRun: boolean;
  /** Prepare, then wait for `go`. */
  readonly hold?: boolean | undefined;
  readonly reason: string;
  readonly actor: string;
}

/** What a cutover of this set would do, down to the SQL, and why it cannot be done if it cannot. Changes nothing. */
export async function preflight(deps: CutoverDeps, spec: CutoverSpec): Promise<CutoverPlan> {
  const plan = await planOf(deps, await recordOf(deps, spec, { dryRun: true, reason: '', actor: '' }));
  if (plan.problems.length > 0) return plan;
  const reasons = [...(await gateReasons(deps, spec)), ...shortfalls(spec, await deps.database.counts(spec.tables))];
  return { ...plan, problems: [...plan.problems, ...reasons] };
}

/**
 * Makes the incoming tables the live ones. Refused (CUTOVER_REFUSED, with all reasons) on red or stale validation, on
 * too few rows, and on whatever the catalog holds that cannot be taken along.
 */
export async function cutover(deps: CutoverDeps, spec: CutoverSpec, options: CutoverOptions): Promise<CutoverResult> {
  const plan = await preflight(deps, spec);
  if (options.dryRun) return unswapped(plan, 'cutover', true);
  refuseIf(plan.problems);
  return deps.database.alone(async () => {
    const record = await recordOf(deps, spec, options);
    await deps.database.begin(record);
    return guarded(deps, record, async () => {
      const prepared = await prepare(deps, record);
      if (!options.hold) return exchange(deps, record, prepared);
      await deps.database.mark(record.stamp, 'held');
      return { ...unswapped(prepared, 'cutover', false), status: 'held' };
    });
  });
}

/** Carries out a cutover that is held: everything is asked again, what is missing is made, then the swap. */
export async function go(deps: CutoverDeps, stamp: string): Promise<CutoverResult> {
  return deps.database.alone(async () => {
    const record = await held(deps, stamp);
    refuseIf([
      ...(await gateReasons(deps, record.spec)),
      ...shortfalls(record.spec, await deps.database.counts(record.spec.tables)),
    ]);
    return guarded(deps, record, async () => exchange(deps, record, await prepare(deps, record)));
  });
}

/** Lets go of a held cutover, so that another can begin. What was prepared stays on the incoming tables. */
export async function abandon(deps: CutoverDeps, stamp: string): Promise<void> {
  await deps.database.alone(async () => {
    await held(deps, stamp);
    await deps.database.mark(stamp, 'abandoned');
  });
}

/** Every exchange, newest first, with what its backup holds. */
export function listCutovers(deps: Pick<CutoverDeps, 'database'>): Promise<BackupView[]> {
  return deps.database.list();
}

/** Deletes a backup for good, and the recorded changes nobody can need any more. */
export async function dropBackup(deps: CutoverDeps, stamp: string): Promise<void> {
  await deps.database.alone(async () => {
    const record = await deps.database.find(stamp);
    if (record?.kind !== 'cutover' || record.status !== 'done')
      throw new DroverError('NOT_FOUND', `there is no backup ${JSON.stringify(stamp)}`);
    await deps.database.drop(stamp, optionsOf(deps));
  });
}

async function held(deps: CutoverDeps, stamp: string): Promise<CutoverRecord> {
  const record = await deps.database.find(stamp);
  if (record?.status === 'held') return record;
  const what = record ? `is ${record.status}, not held` : 'is not known';
  throw new DroverError(record ? 'NOT_ALLOWED_NOW' : 'NOT_FOUND', `cutover ${JSON.stringify(stamp)} ${what}`);
}

async function gateReasons(deps: CutoverDeps, spec: CutoverSpec): Promise<readonly string[]> {
  const { ok, reasons } = await deps.gate.check(spec);
  return ok ? [] : reasons.length > 0 ? reasons : ['the validation does not allow it'];
}

async function recordOf(deps: CutoverDeps, spec: CutoverSpec, options: CutoverOptions): Promise<CutoverRecord> {
  const stamp = await deps.database.stamp();
  const tables = spec.tables.map(({ incoming, live }): Exchange => {
    return { incoming, live, displaced: { schema: backupSchema(live.schema, stamp), name: live.name } };
  });
  const { reason, actor } = options;
  return { stamp, name: spec.name, kind: 'cutover', status: 'preparing', ofStamp: null, spec, tables, reason, actor };
}

/** A record whose work failed says so; the swap itself is either wholly done or has not happened. */
export async function guarded(
  deps: CutoverDeps,
  record: CutoverRecord,
  work: () => Promise<CutoverResult>,
): Promise<CutoverResult> {
  try {
    return await work();
  } catch (error) {
    const current = await deps.database.find(record.stamp).catch(() => undefined);
    // A held cutover stays held when `go` is refused: the operator may mend the reason and say go again.
    if (current && current.status === 'preparing')
      await deps.database.mark(record.stamp, 'failed').catch(() => undefined);
    throw error;
  }
}

/** The answer of an exchange that has not swapped anything. */
export function unswapped(plan: CutoverPlan, kind: 'cutover' | 'rollback', dryRun: boolean): CutoverResult {
  const none = { counts: [], timing: null, unplanned: [], carried: 0, conflicts: [] };
  return { stamp: plan.stamp, kind, dryRun, status: 'preparing', plan, ...none };
}
