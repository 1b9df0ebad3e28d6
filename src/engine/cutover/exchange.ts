import { toDroverError } from '../../errors.ts';
import type { CutoverPlan, CutoverResult, Exchange, TablePair } from './contract.ts';
import { fingerprint, unplanned } from './fingerprint.ts';
import type { Direction } from './plan/context.ts';
import { makePlan } from './plan/index.ts';
import type { CutoverDeps, CutoverRecord, SwapOptions } from './ports.ts';
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
  for (const step of plan.steps.filter((one) => one.phase === 'prepare'))
    await deps.database.run(step.sql, optionsOf(deps));
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
  return sql.startsWith('ANALYZE') || sql.startsWith('CREATE SCHEMA IF NOT EXISTS') || sql.startsWith('GRANT USAGE');
}

/** The swap and what follows it. The plan must be of the catalog as `prepare` left it. */
export async function exchange(deps: CutoverDeps, record: CutoverRecord, plan: CutoverPlan): Promise<CutoverResult> {
  const before = fingerprint(await deps.database.catalog(liveOnly(record.tables)), record.tables);
  const judge = (counts: CutoverResult['counts']) =>
    record.kind === 'cutover' ? refuseIf(shortfalls(record.spec, counts)) : undefined;
  const { counts, carried, conflicts, ...timing } = await deps.database.swap({
    record,
    plan,
    options: optionsOf(deps),
    judge,
  });
  const failed = await afterwards(deps, plan);
  const after = fingerprint(await deps.database.catalog(liveOnly(record.tables)), record.tables);
  const result: CutoverResult = {
    stamp: record.stamp,
    kind: record.kind,
    dryRun: false,
    status: 'done',
    plan,
    counts,
    timing,
    carried,
    conflicts,
    unplanned: [...failed, ...unplanned(before, after, plan.differences)],
  };
  await deps.database.mark(record.stamp, 'done', kept(result));
  return result;
}

/** A result as it is kept: the plan can be long, and its effects are in the catalog. */
export function kept({ plan: _plan, ...rest }: CutoverResult): Omit<CutoverResult, 'plan'> {
  return rest;
}

// The swap is done and stays: what fails here is told, not thrown.
async function afterwards(deps: CutoverDeps, plan: CutoverPlan): Promise<string[]> {
  const failed: string[] = [];
  for (const step of plan.steps.filter((one) => one.phase === 'after')) {
    await deps.database
      .run(step.sql, optionsOf(deps))
      .catch((error: unknown) => failed.push(`${step.object}: ${toDroverError(error).message} (${step.sql})`));
  }
  return failed;
}

function liveOnly(tables: readonly Exchange[]): TablePair[] {
  return tables.map(({ live }) => ({ incoming: live, live }));
}
