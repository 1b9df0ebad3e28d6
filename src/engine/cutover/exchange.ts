import type {
  CutoverPlan,
  CutoverResult,
  CutoverSpec,
  Exchange,
  RelationName,
  RowCounts,
  Step,
  TablePair,
} from '../../contract/cutover.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import { keyOf } from './catalog.ts';
import { fingerprint, unplannedDifferences } from './fingerprint.ts';
import { displayName } from './names.ts';
import type { Direction } from './plan/draft.ts';
import { makePlan } from './plan/plan.ts';
import type { AfterSwap, CutoverDeps, CutoverRecord, SwapOptions } from './types.ts';

export function swapOptions(deps: CutoverDeps): SwapOptions {
  return { lockTimeoutMs: 200, attempts: 20, pauseMs: 100, ...deps.options };
}

/** A plan from the catalog as it is now. */
export async function planExchange(
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
  const orphans = await deps.database.findOrphans(catalog, plan);
  const [problems, warnings] = direction === 'cutover' ? [orphans, []] : [[], orphans];
  return { ...plan, problems: [...plan.problems, ...problems], warnings: [...plan.warnings, ...warnings] };
}

/** Everything slow: statement by statement, until the catalog asks for nothing more. */
export async function prepare(deps: CutoverDeps, record: CutoverRecord): Promise<CutoverPlan> {
  const plan = await planExchange(deps, record);
  assertNoProblems(plan.problems);
  const steps = plan.steps.filter((one) => one.phase === 'prepare');
  for (const [done, step] of steps.entries()) {
    await reportProgress(deps, record, 'prepare', done, steps.length, step);
    await deps.database.run(step.sql, swapOptions(deps), plan.locks).catch((thrown: unknown) => {
      const { code, message, remedy, field } = toDroverError(thrown);
      throw new DroverError(code, `${step.object}: ${message}`, { cause: thrown, remedy, field });
    });
  }
  const prepared = await planExchange(deps, record);
  assertNoProblems(prepared.problems);
  const left = prepared.steps.filter(
    (one) => one.phase === 'prepare' && !isRepeatable(one.sql) && !one.object.startsWith('materialized view'),
  );
  assertNoProblems(left.map((step) => `${step.object} is not as it should be after the preparation: ${step.sql}`));
  return prepared;
}

// What is asked for every time, for the catalog does not show that it was done.
function isRepeatable(sql: string): boolean {
  return ['ANALYZE', 'CREATE SCHEMA IF NOT EXISTS', 'GRANT USAGE'].some((start) => sql.startsWith(start));
}

function reportProgress(
  deps: CutoverDeps,
  { stamp }: CutoverRecord,
  phase: 'prepare' | 'after',
  done: number,
  total: number,
  step: Step,
): Promise<void> {
  return deps.database.saveProgress(stamp, { phase, done, total, step: `${step.object}: ${step.action}` });
}

/** The swap and what follows it. The plan must be of the catalog as `prepare` left it. */
export async function exchange(deps: CutoverDeps, record: CutoverRecord, plan: CutoverPlan): Promise<CutoverResult> {
  const before = fingerprint(await deps.database.catalog(liveOnly(record.tables)), record.tables);
  const steps = plan.steps.filter((one) => one.phase === 'after');
  const { differences } = plan;
  // The incoming tables have no names of their own any more then.
  const locks = plan.locks.filter((name) => !record.tables.some(({ incoming }) => keyOf(incoming) === keyOf(name)));
  const afterwards: AfterSwap = { steps, locks, before: [...before], differences };
  const progress = { phase: 'swap', done: 0, total: 1, step: 'the tables change places' } as const;
  await deps.database.saveStatus(record.stamp, 'preparing', { progress, afterwards });
  const checkIncoming = async (counts: CutoverResult['counts']): Promise<void> => {
    if (record.kind !== 'cutover') return;
    const { problems } = await checkGate(deps, record.spec);
    assertNoProblems([...problems, ...rowCountProblems(record.spec, counts)]);
  };
  const { counts, ...timing } = await deps.database.swap({
    record,
    plan,
    options: swapOptions(deps),
    checkIncoming,
  });
  const kept = await completeExchange(deps, record, afterwards, { counts, timing });
  return { stamp: record.stamp, kind: record.kind, dryRun: false, status: 'done', plan, ...kept };
}

/** How an exchange ended. */
export type ExchangeOutcome = Pick<CutoverResult, 'counts' | 'timing' | 'unplanned' | 'carried' | 'conflicts'>;

/** What follows the swap: keys from outside are validated, views refreshed, the catalog compared with what it was. */
export async function completeExchange(
  deps: CutoverDeps,
  record: CutoverRecord,
  { steps, locks, before, differences }: AfterSwap,
  done: Pick<CutoverResult, 'counts' | 'timing'> = { counts: [], timing: null },
): Promise<ExchangeOutcome> {
  const failed = await runAfterSteps(deps, record, steps, locks);
  const after = fingerprint(await deps.database.catalog(liveOnly(record.tables)), record.tables);
  const kept = {
    ...done,
    unplanned: [...failed, ...unplannedDifferences(new Map(before), after, differences)],
  };
  if (record.ofStamp) await deps.database.dropEmptySchemas(record.ofStamp, record.tables);
  await deps.database.saveStatus(record.stamp, 'done', kept);
  const { carried = 0, conflicts = [] } = (await deps.database.find(record.stamp))?.kept ?? {};
  return { ...kept, carried, conflicts };
}

// The swap is done and stays: what fails here is listed, not thrown.
async function runAfterSteps(
  deps: CutoverDeps,
  record: CutoverRecord,
  steps: readonly Step[],
  locks: readonly RelationName[],
): Promise<string[]> {
  const failed: string[] = [];
  for (const [done, step] of steps.entries()) {
    await reportProgress(deps, record, 'after', done, steps.length, step);
    await deps.database
      .run(step.sql, swapOptions(deps), locks)
      .catch((error: unknown) => failed.push(`${step.object}: ${toDroverError(error).message} (${step.sql})`));
  }
  return failed;
}

function liveOnly(tables: readonly Exchange[]): TablePair[] {
  return tables.map(({ live }) => ({ incoming: live, live }));
}

/** CUTOVER_REFUSED with every reason at once. Does nothing without one. */
export function assertNoProblems(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  throw new DroverError('CUTOVER_REFUSED', `the cutover is refused: ${reasons.join('; ')}`, {
    reasons,
    remedy: 'Correct what is named and start it again; nothing was changed on the live tables.',
  });
}

/** What the gate says of the set, with a reason in any case where it does not open. */
export async function checkGate(deps: CutoverDeps, spec: CutoverSpec) {
  const { ok, reasons, warnings = [] } = await deps.gate.check(spec);
  return { problems: ok || reasons.length > 0 ? reasons : ['the validation does not allow it'], warnings };
}

/** Too few rows, or too many fewer than live. */
export function rowCountProblems(spec: CutoverSpec, counts: readonly RowCounts[]): string[] {
  const shrink = spec.maxShrinkPercent ?? 50;
  return counts.flatMap((count) => {
    const pair = spec.tables.find((one) => displayName(one.live) === count.table);
    // A table that is empty today has nothing to lose.
    const minimum = pair?.minimum ?? Math.min(1, count.live);
    const least = Math.ceil((count.live * (100 - shrink)) / 100);
    return [
      ...(count.incoming < minimum
        ? [`${count.table} would have ${count.incoming} rows, fewer than its minimum of ${minimum}`]
        : []),
      ...(count.incoming < least
        ? [
            `${count.table} would have ${count.incoming} rows instead of ${count.live}, and may lose at most ${shrink} percent`,
          ]
        : []),
    ];
  });
}
