import { randomBytes } from 'node:crypto';
import { DateTime } from 'luxon';
import type { Actor, BatchSize, StartRun, Strategy } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { JsonObject } from '../../plan/json.ts';
import { writesToApis } from '../rollback/api-undo.ts';
import { firstBatchSize } from '../stages/batch-size.ts';
import { trialSchema } from '../trial/trial.ts';
import type { ControlStore, NewRun } from './control-store.ts';

const schemaName = /^[a-z_][a-z0-9_]{0,62}$/;
// The control tables, and the schemas of PostgreSQL itself.
const reservedSchema = /^(drover|information_schema|pg_.*)$/;

/** A run to be created: its row and its entities, parents first. */
export interface PlannedRun {
  readonly run: NewRun;
  readonly entities: readonly string[];
}

export interface PlanRunDeps {
  /** Records per job when the request does not say. */
  readonly batchSize: BatchSize;
}

/**
 * Turns a request into a run. An incremental run without `since` gets it from the watermarks when it is prepared.
 * @throws DroverError BAD_REQUEST naming what is wrong with the request.
 */
export function planRun(deps: PlanRunDeps, plan: Plan, input: StartRun, actor: Actor): PlannedRun {
  assertTrial(input, plan);
  const entities =
    input.trial === undefined ? chooseEntities(plan, input.only) : withParents(plan, chooseEntities(plan, input.only));
  const targetSchema = input.targetSchema ?? plan.name.replaceAll('-', '_');
  if (!schemaName.test(targetSchema) || reservedSchema.test(targetSchema)) {
    throw badRequest(
      `targetSchema ${targetSchema} is not a schema to load into`,
      'Give a lower-case name other than drover, information_schema and names that begin with pg_.',
    );
  }
  const strategy = strategyOf(input);
  const stamp = DateTime.utc().toFormat('yyyyMMdd_HHmmss');
  const scope = scopeOf(input);
  const run: NewRun = {
    id: newRunId(),
    plan: plan.name,
    version: plan.version,
    strategy,
    dryRun: input.dryRun ?? false,
    exportOnly: input.exportOnly ?? false,
    skipExisting: input.skipExisting ?? false,
    targetSchema: input.trial === undefined ? targetSchema : trialSchema(targetSchema, stamp),
    ...batchSettings(input.batchSize ?? deps.batchSize),
    // A trial is to find out how much fails, not to stop because of it.
    maxFailurePercent: input.maxFailurePercent ?? (input.trial === undefined ? 50 : 100),
    scope: input.trial === undefined ? scope : { ...scope, trial: input.trial },
    params: parseParams(plan, input.params ?? {}),
    stamp,
    createdBy: actor.id,
  };
  return { run, entities };
}

function batchSettings(requested: BatchSize): Pick<NewRun, 'batchSize' | 'batchTuning'> {
  return requested === 'auto'
    ? { batchSize: firstBatchSize, batchTuning: {} }
    : { batchSize: requested, batchTuning: null };
}

/** The entities `only` names, by themselves or by a step of the plan; all of them when it names none. */
function chooseEntities(plan: Plan, only: readonly string[] | undefined): readonly string[] {
  const order = entityOrder(plan);
  if (only === undefined || only.length === 0) return order;
  const steps = plan.steps ?? {};
  const known = [...new Set([...Object.keys(steps), ...order])];
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw badRequest(`plan ${plan.name} has no entity or step ${unknown.join(', ')}`, `It has ${known.join(', ')}.`);
  }
  const wanted = new Set(only.flatMap((name) => steps[name] ?? [name]));
  return order.filter((name) => wanted.has(name));
}

/** A trial's rows are linked among themselves, so the records they refer to are included. */
function withParents(plan: Plan, entities: readonly string[]): readonly string[] {
  const wanted = new Set(entities);
  const order = entityOrder(plan);
  for (const name of [...order].reverse()) {
    if (wanted.has(name)) for (const parent of plan.entities[name]?.dependsOn ?? []) wanted.add(parent);
  }
  return order.filter((name) => wanted.has(name));
}

function assertTrial({ trial, dryRun, exportOnly, ids }: StartRun, plan: Plan): void {
  if (trial === undefined) return;
  if (writesToApis(plan))
    throw badRequest(`plan ${plan.name} writes to an API, which has no schema to try it in`, 'Use a dry run.');
  const other = dryRun ? 'dryRun' : exportOnly ? 'exportOnly' : ids ? 'ids' : undefined;
  if (other) throw badRequest(`a trial and ${other} do not go together`, 'A trial writes, into a schema of its own.');
}

function strategyOf(input: StartRun): Strategy {
  const strategy = input.strategy ?? (input.ids ? 'selective' : 'full');
  if (strategy === 'selective' && !input.ids?.length)
    throw badRequest('the selective strategy needs ids', 'Give the source ids to move.');
  if (strategy !== 'selective' && input.ids)
    throw badRequest(`ids go with the selective strategy, not ${strategy}`, 'Leave strategy out.');
  return strategy;
}

/** What is read: the window and ids of the request. */
function scopeOf(input: StartRun): NewRun['scope'] {
  if (input.since !== undefined && input.until !== undefined) {
    const [since, until] = [parseInstant('since', input.since), parseInstant('until', input.until)];
    if (DateTime.fromISO(since) > DateTime.fromISO(until))
      throw badRequest(`since (${since}) is after until (${until})`, 'Give since as the earlier time of the two.');
  }
  return {
    ...(input.since === undefined ? {} : { since: parseInstant('since', input.since) }),
    ...(input.until === undefined ? {} : { until: parseInstant('until', input.until) }),
    ...(input.ids === undefined ? {} : { ids: [...new Set(input.ids)] }),
  };
}

function parseInstant(name: string, text: string): string {
  const parsed = DateTime.fromISO(text, { setZone: true });
  if (!parsed.isValid) throw badRequest(`${name} is not an ISO 8601 time`, 'Write it as 2026-01-31T00:00:00Z.');
  return parsed.toUTC().toISO();
}

function parseParams(plan: Plan, params: Record<string, unknown>): JsonObject {
  const parsed = plan.params.safeParse(params);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${['params', ...issue.path].join('.')}: ${issue.message}`);
  throw badRequest(problems.join('; '), `See GET /api/v1/plans/${plan.name} for the parameters of the plan.`);
}

// Sorts by time, needs no quoting anywhere, holds no colon (BullMQ job ids are made of it).
function newRunId(): string {
  return `r${Date.now().toString(36)}${randomBytes(4).toString('hex')}`;
}

const badRequest = (message: string, remedy: string): DroverError =>
  new DroverError('BAD_REQUEST', message, { remedy });

/** Two runs of a plan into one schema would write over each other; those that write nothing may be any number. */
export async function assertNoActiveRun(
  store: ControlStore,
  run: Pick<NewRun, 'id' | 'plan' | 'targetSchema' | 'dryRun' | 'exportOnly'>,
): Promise<void> {
  if (run.dryRun || run.exportOnly) return;
  await assertNotRollingBack(store, run);
  const active = await store.activeRun(run.plan, run.targetSchema);
  if (active === undefined || active.id === run.id) return;
  const goOn = active.status === 'paused' ? 'Resume it' : 'Wait for its end';
  throw new DroverError(
    'NOT_ALLOWED_NOW',
    `run ${active.id} into schema ${run.targetSchema} is ${active.status} and has not ended`,
    { remedy: `${goOn}, cancel it, or load into another targetSchema.` },
  );
}

/** A run would write again what the rollback undoes, and two rollbacks could undo in the wrong order. Throws NOT_ALLOWED_NOW. */
export async function assertNotRollingBack(
  store: ControlStore,
  { plan, targetSchema }: Pick<NewRun, 'plan' | 'targetSchema'>,
): Promise<void> {
  const undone = await store.activeRollback(plan, targetSchema);
  if (undone === undefined) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${undone} is being rolled back`, {
    remedy: `Wait for its end: \`drover status ${undone}\` shows its progress.`,
  });
}

/**
 * A rollback under an unfinished run would remove rows that the other run relies on, and the other would write them again.
 * Throws NOT_ALLOWED_NOW.
 */
export async function assertNoNewerActiveRun(
  store: ControlStore,
  { id, targetSchema }: Pick<NewRun, 'id' | 'targetSchema'>,
): Promise<void> {
  const other = await store.runBlockingRollback(id);
  if (other === undefined) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${other.id} into ${targetSchema} is ${other.status}`, {
    remedy: `Wait for its end, or stop it with \`drover cancel ${other.id} --reason ...\` and roll that one back first.`,
  });
}

/**
 * An incremental run relies on the rows of the runs before it, whose rollback would leave a state that no run has read.
 * Throws NOT_ALLOWED_NOW while such a run is not rolled back.
 */
export async function assertNoDependentRun(store: ControlStore, { id }: Pick<NewRun, 'id'>): Promise<void> {
  const dependent = await store.dependentRun(id);
  if (dependent === undefined) return;
  throw new DroverError('NOT_ALLOWED_NOW', `incremental run ${dependent} read only what changed since run ${id}`, {
    remedy: `Roll that one back first: \`drover rollback ${dependent} --reason ... --yes\`.`,
  });
}
