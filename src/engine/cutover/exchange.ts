import { DroverError, toDroverError } from '../../errors.ts';
import { keyOf } from './catalog.ts';
import type { CutoverPlan, CutoverResult, Exchange, Name, Step, TablePair } from './contract.ts';
import { fingerprint, unplanned } from './fingerprint.ts';
import { makesCapture } from './plan/capture.ts';
import type { Direction } from './plan/context.ts';
import { makePlan } from './plan/index.ts';
import type { Afterwards, Carried, CutoverDeps, CutoverRecord, SwapOptions } from './ports.ts';
import { refuseIf, shortfalls } from './refuse.ts';

export function optionsOf(deps: CutoverDeps): SwapOptions {
  return { lockTimeoutMs: 200, attempts: 20, pauseMs: 100, ...deps.options };
}

/** A plan from the catalog as it is now. */
export async function planOf(
  deps: CutoverDeps,
  record: Pick<CutoverRecord, 'spec' | 'stamp' | 'tables' | 'kind'>,
): Promise<CutoverPlan> {
  const catalog = await deps.database.catalog(record.tables);
  const direction: Direction = record.kind;
  const plan = makePlan({
    direction,
    stamp: record.stamp,
    spec: record.spec,
    tables: record.tables,
    catalog,
    capture: true,
  });
  if (plan.problems.length > 0) return plan;
  const orphans = await deps.database.orphans(catalog, plan);
  const [problems, warnings] = direction === 'cutover' ? [orphans, []] : [[], orphans];
  return { ...plan, problems: [...plan.problems, ...problems], warnings: [...plan.warnings, ...warnings] };
}

/** Everything slow: statement by statement, until the catalog asks for nothing more. */
export async function prepare(deps: CutoverDeps, record: CutoverRecord): Promise<CutoverPlan> {
  const plan = await planOf(deps, record);
  refuseIf(plan.problems);
  const steps = plan.steps.filter((one) => one.phase === 'prepare');
  for (const [done, step] of steps.entries()) {
    await tell(deps, record, 'prepare', done, steps.length, step);
    await deps.database.run(step.sql, optionsOf(deps), plan.locks).catch((thrown: unknown) => {
      const { code, message, remedy, field } = toDroverError(thrown);
      throw new DroverError(code, `${step.object}: ${message}`, { cause: thrown, remedy, field });
    });
  }
  const prepared = await planOf(deps, record);
  refuseIf(prepared.problems);
  const left = prepared.steps.filter(
    (one) => one.phase === 'prepare' && !repeats(one.sql) && !one.object.startsWith('materialized view'),
  );
  refuseIf(left.map((step) => `${step.object} is not as it should be after the preparation: ${step.sql}`));
  return prepared;
}

// What is asked for every time, for the catalog does not show that it was done.
function repeats(sql: string): boolean {
  return ['ANALYZE', 'CREATE SCHEMA IF NOT EXISTS', 'GRANT USAGE', makesCapture].some((start) => sql.startsWith(start));
}

function tell(
  deps: CutoverDeps,
  { stamp }: CutoverRecord,
  phase: 'prepare' | 'after',
  done: number,
  total: number,
  step: Step,
): Promise<void> {
  return deps.database.progress(stamp, { phase, done, total, step: `${step.object}: ${step.action}` });
}

/**
 * The swap and what follows it. The plan must be of the catalog as `prepare` left it. `early`: what a rollback has
 * carried already.
 */
export async function exchange(
  deps: CutoverDeps,
  record: CutoverRecord,
  plan: CutoverPlan,
  early: Carried = { carried: 0, conflicts: [] },
): Promise<CutoverResult> {
  const before = fingerprint(await deps.database.catalog(liveOnly(record.tables)), record.tables);
  const steps = plan.steps.filter((one) => one.phase === 'after');
  const { differences } = plan;
  // The incoming tables have no names of their own any more then.
  const locks = plan.locks.filter((name) => !record.tables.some(({ incoming }) => keyOf(incoming) === keyOf(name)));
  const afterwards: Afterwards = { steps, locks, before: [...before], differences, ...early };
  const progress = { phase: 'swap', done: 0, total: 1, step: 'the tables change places' } as const;
  await deps.database.mark(record.stamp, 'preparing', { progress, afterwards });
  const judge = (counts: CutoverResult['counts']) =>
    record.kind === 'cutover' ? refuseIf(shortfalls(record.spec, counts)) : undefined;
  const { counts, carried, conflicts, ...timing } = await deps.database.swap({
    record,
    plan,
    options: optionsOf(deps),
    judge,
  });
  const whole = {
    ...afterwards,
    carried: early.carried + carried,
    conflicts: [...early.conflicts, ...conflicts],
  };
  const kept = await finish(deps, record, whole, { counts, timing });
  return { stamp: record.stamp, kind: record.kind, dryRun: false, status: 'done', plan, ...kept };
}

/** How an exchange ended. */
export type Ended = Pick<CutoverResult, 'counts' | 'timing' | 'unplanned' | 'carried' | 'conflicts'>;

/** What follows the swap: keys from outside are validated, views refreshed, the catalog compared with what it was. */
export async function finish(
  deps: CutoverDeps,
  record: CutoverRecord,
  { steps, locks, before, differences, carried, conflicts }: Afterwards,
  done: Pick<CutoverResult, 'counts' | 'timing'> = { counts: [], timing: null },
): Promise<Ended> {
  const failed = await afterwards(deps, record, steps, locks);
  const after = fingerprint(await deps.database.catalog(liveOnly(record.tables)), record.tables);
  const kept = {
    ...done,
    carried,
    conflicts,
    unplanned: [...failed, ...unplanned(new Map(before), after, differences)],
  };
  if (record.ofStamp) await deps.database.tidy(record.ofStamp, record.tables);
  await deps.database.mark(record.stamp, 'done', kept);
  return kept;
}

// The swap is done and stays: what fails here is told, not thrown.
async function afterwards(
  deps: CutoverDeps,
  record: CutoverRecord,
  steps: readonly Step[],
  locks: readonly Name[],
): Promise<string[]> {
  const failed: string[] = [];
  for (const [done, step] of steps.entries()) {
    await tell(deps, record, 'after', done, steps.length, step);
    await deps.database
      .run(step.sql, optionsOf(deps), locks)
      .catch((error: unknown) => failed.push(`${step.object}: ${toDroverError(error).message} (${step.sql})`));
  }
  return failed;
}

function liveOnly(tables: readonly Exchange[]): TablePair[] {
  return tables.map(({ live }) => ({ incoming: live, live }));
}
