import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { fingerprint } from '../canonical.ts';
import { entityOf } from '../contexts.ts';
import { assertVersion } from '../plan-version.ts';
import type { Run } from '../ports.ts';
import type { PersonView, PurgeRequest, PurgeView } from '../retention/contract.ts';
import { assertPayloads } from '../retention/purge.ts';
import { assertAllowed, assertFinished, type RunAction } from '../run-status.ts';
import type { Actor, Control, FailureGroup, ReportEntry, RollbackView, RunView, ValidationView } from './contract.ts';
import { type Enqueue, toRecords } from './enqueue.ts';
import type { ControlStore, NewRun } from './ports.ts';
import { planRun } from './start-run.ts';

export interface ControlDeps {
  readonly store: ControlStore;
  readonly plan: (name: string) => Plan;
  readonly batchSize: number;
  readonly view: (run: Run) => Promise<RunView>;
  readonly journeys: Control['journeys'];
  readonly failures: (run: Run) => Promise<readonly FailureGroup[]>;
  readonly validate: (run: Run) => Promise<ValidationView>;
  readonly lastValidation: (run: Run) => Promise<ValidationView | undefined>;
  readonly rollback: (run: Run, dryRun: boolean) => Promise<RollbackView>;
  readonly purge: (request: PurgeRequest) => Promise<PurgeView>;
  readonly person: (email: string) => Promise<PersonView>;
  readonly reports: (run: Run) => Promise<readonly ReportEntry[]>;
  readonly report: (run: Run, name: string, masked: boolean) => ReturnType<Control['report']>;
}

const pageLimit = 50;
const mostInPage = 500;

/** What operators can do. Each method checks the state of the run it is about and changes it by the table of statuses. */
export function createControl(deps: ControlDeps): Control {
  const { store } = deps;
  const find = (id: string): Promise<Run> => findRun(store, id);
  const shown = async (id: string): Promise<RunView> => deps.view(await find(id));

  return {
    startRun: (input, actor) => startRun(deps, input, actor),
    async runs(query) {
      const limit = Math.min(query.limit ?? pageLimit, mostInPage);
      const found = await store.list({ plan: query.plan, status: query.status, after: query.cursor, limit: limit + 1 });
      const items = await Promise.all(found.slice(0, limit).map(deps.view));
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    run: shown,
    pause: (id, reason) => request(deps, id, 'pause', 'pausing', reason),
    resume: (id, reason) => resume(deps, id, reason),
    cancel: (id, reason) => cancel(deps, id, reason),
    retry: (id, reason) => retry(deps, id, reason),
    async changeBatchSize(id, batchSize) {
      assertAllowed(await find(id), 'changeBatchSize');
      await store.setBatchSize(id, batchSize);
      return shown(id);
    },
    enqueue: (id, input) => enqueue(deps, id, input),
    async records(id, filter) {
      await find(id);
      const limit = Math.min(filter.limit ?? pageLimit, mostInPage);
      const found = await store.records(id, { ...filter, limit: limit + 1 });
      return { items: found.slice(0, limit), nextCursor: found.length > limit ? (found[limit - 1]?.id ?? null) : null };
    },
    journeys: (sourceId) => deps.journeys(sourceId),
    failures: async (id) => deps.failures(await find(id)),
    replay: (id, group, reason) => replay(deps, id, group, reason),
    async validate(id) {
      const run = await find(id);
      assertAllowed(run, 'validate');
      return deps.validate(run);
    },
    async validation(id) {
      const validation = await deps.lastValidation(await find(id));
      if (validation) return validation;
      throw new DroverError('NOT_FOUND', `run ${id} was not validated yet`, {
        remedy: `POST /api/v1/runs/${id}/validate does it.`,
      });
    },
    rollback: (id, input) => rollback(deps, id, input.dryRun),
    async purge(input) {
      if (input.runId !== undefined) assertFinished(await find(input.runId));
      return deps.purge(input);
    },
    person: (email) => deps.person(email),
    reports: async (id) => deps.reports(await find(id)),
    report: async (id, name, options) => deps.report(await find(id), name, options?.masked ?? false),
  };
}

async function findRun(store: ControlStore, id: string): Promise<Run> {
  const run = await store.find(id);
  if (!run) throw new DroverError('NOT_FOUND', `there is no run ${id}`, { remedy: '`drover runs` lists them.' });
  return run;
}

async function startRun(deps: ControlDeps, input: Parameters<Control['startRun']>[0], actor: Actor): Promise<RunView> {
  const planned = await planRun(deps, deps.plan(input.plan), input, actor);
  await refuseSecond(deps, planned.run);
  try {
    await deps.store.createRun(planned.run, planned.entities);
  } catch (error) {
    // Another began between the look and the write; the database let one of us through.
    await refuseSecond(deps, planned.run);
    throw error;
  }
  return deps.view(await findRun(deps.store, planned.run.id));
}

/** Two runs of a plan into one schema would write over each other; those that write nothing may be any number. */
async function refuseSecond(deps: ControlDeps, run: NewRun): Promise<void> {
  if (run.dryRun || run.exportOnly) return;
  const active = await deps.store.activeRun(run.plan, run.targetSchema);
  if (active === undefined) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${active} is loading into ${run.targetSchema} already`, {
    remedy: 'Wait for it, cancel it, or load into another targetSchema.',
  });
}

async function request(
  deps: ControlDeps,
  id: string,
  action: RunAction,
  to: Run['status'],
  reason: string,
): Promise<RunView> {
  assertAllowed(await findRun(deps.store, id), action);
  await move(deps, id, action, to, reason);
  return deps.view(await findRun(deps.store, id));
}

/** The guard of the move decides, not the look before it: two operators may press at once. */
async function move(
  deps: ControlDeps,
  id: string,
  action: RunAction,
  to: Run['status'],
  reason: string | null,
): Promise<void> {
  if (await deps.store.move(id, to, reason)) return;
  const run = await findRun(deps.store, id);
  if (run.status === to) return;
  assertAllowed(run, action);
  throw new DroverError('NOT_ALLOWED_NOW', `run ${id} is ${run.status}: ${action} is not possible`);
}

async function resume(deps: ControlDeps, id: string, reason: string): Promise<RunView> {
  const run = await findRun(deps.store, id);
  assertAllowed(run, 'resume');
  assertVersion(run, deps.plan(run.plan));
  return request(deps, id, 'resume', 'running', reason);
}

async function cancel(deps: ControlDeps, id: string, reason: string): Promise<RunView> {
  const run = await findRun(deps.store, id);
  return request(deps, id, 'cancel', run.status === 'pending' ? 'cancelled' : 'cancelling', reason);
}

async function retry(deps: ControlDeps, id: string, reason: string): Promise<RunView> {
  const run = await findRun(deps.store, id);
  assertPayloads(run, 'a retry');
  assertAllowed(run, 'retry');
  assertVersion(run, deps.plan(run.plan));
  await deps.store.reopenExtractions(id);
  // A run that was stopped has its records waiting; one that went to its end has some to send back.
  if (run.status === 'completed_with_failures') await deps.store.replay(id, {});
  // What failed before it ran may lack tables, or a schema: it begins where it began.
  const unbegun = run.status === 'failed' && run.startedAt === null;
  await move(deps, id, 'retry', unbegun ? 'pending' : 'running', reason);
  return deps.view(await findRun(deps.store, id));
}

async function replay(
  deps: ControlDeps,
  id: string,
  group: string,
  reason: string,
): Promise<{ replayed: number; run: RunView }> {
  const run = await findRun(deps.store, id);
  assertPayloads(run, 'a replay');
  assertAllowed(run, 'replay');
  assertVersion(run, deps.plan(run.plan));
  const found = (await deps.failures(run)).find((failure) => failure.group === group);
  if (!found)
    throw new DroverError('NOT_FOUND', `run ${id} has no failure group ${group}`, {
      remedy: '`drover failures` lists them.',
    });
  const { entity, stage, status, code, field } = found;
  const replayed = await deps.store.replay(id, { entity, stage, status, code, field });
  if (run.status !== 'running') await move(deps, id, 'replay', 'running', reason);
  return { replayed, run: await deps.view(await findRun(deps.store, id)) };
}

async function enqueue(deps: ControlDeps, id: string, input: Enqueue): Promise<{ accepted: number; run: RunView }> {
  const run = await findRun(deps.store, id);
  assertAllowed(run, 'enqueue');
  assertVersion(run, deps.plan(run.plan));
  const known = await deps.store.entities(id);
  entityOf(deps.plan(run.plan), input.entity);
  if (!known.some((entity) => entity.entity === input.entity)) {
    throw new DroverError('BAD_REQUEST', `run ${id} does not move ${input.entity}`, {
      remedy: `It moves ${known.map((one) => one.entity).join(', ')}.`,
    });
  }
  const accepted = input.sourceIds
    ? await deps.store.enqueueIds(id, input.entity, input.sourceIds)
    : await deps.store.enqueueRecords(
        id,
        input.entity,
        toRecords(input.records ?? [], (raw) => fingerprint(raw, 16)),
      );
  if (run.status !== 'running') await move(deps, id, 'enqueue', 'running', 'records were enqueued');
  return { accepted, run: await deps.view(await findRun(deps.store, id)) };
}

async function rollback(deps: ControlDeps, id: string, dryRun: boolean): Promise<RollbackView> {
  const run = await findRun(deps.store, id);
  assertAllowed(run, 'rollback');
  const done = await deps.rollback(run, dryRun);
  if (!dryRun && done.conflicts.length === 0) await deps.store.setRolledBack(id);
  return done;
}
