import { createHash } from 'node:crypto';
import { runEntry } from '../../contract/audit.ts';
import type { Control } from '../../contract/control.ts';
import type { PersonView, PurgeRequest, PurgeView } from '../../contract/retention.ts';
import { assertAllowed, assertFinished } from '../../contract/run-status.ts';
import type { Actor, RollbackView, RunView } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Run } from '../ledger/types.ts';
import { writesToApis } from '../rollback/api-undo.ts';
import {
  cancel,
  changeBatchSize,
  enqueue,
  findRun,
  reconcile,
  repair,
  replay,
  requestStatus,
  retry,
} from './change.ts';
import {
  assertNoActiveRun,
  assertNoDependentRun,
  assertNoNewerActiveRun,
  assertNotRollingBack,
  planRun,
} from './start.ts';
import type { ControlDeps } from './types.ts';

const defaultPageSize = 50;
const maxPageSize = 500;

/**
 * What operators can do. Each method checks the state of the run it is about and changes it by the table of statuses;
 * the change and its audit row are committed together.
 */
export function createControl(deps: ControlDeps): Control {
  const { store } = deps;
  const find = (id: string): Promise<Run> => findRun(store, id);
  const viewById = async (id: string): Promise<RunView> => deps.view(await find(id));

  return {
    startRun: (input, actor) => startRun(deps, input, actor),
    async runs(query) {
      const limit = Math.min(query.limit ?? defaultPageSize, maxPageSize);
      const found = await store.list({ plan: query.plan, status: query.status, after: query.cursor, limit: limit + 1 });
      const items = await Promise.all(found.slice(0, limit).map(deps.view));
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    run: viewById,
    pause: (id, reason, actor) => requestStatus(deps, { id, reason, actor }, 'pause', 'pausing'),
    resume: (id, reason, actor) => requestStatus(deps, { id, reason, actor }, 'resume', 'running'),
    cancel: (id, reason, actor) => cancel(deps, { id, reason, actor }),
    retry: (id, reason, actor) => retry(deps, { id, reason, actor }),
    reconcile: (id, reason, actor) => reconcile(deps, { id, reason, actor }),
    async repairPlan(id) {
      const run = await find(id);
      const failures = await deps.failures(run);
      const write = failures.filter(({ status }) => status === 'mismatched');
      return { runId: id, write, remove: run.rolledBackAt ? [] : await deps.duplicates(run) };
    },
    repair: (id, reason, actor) => repair(deps, { id, reason, actor }),
    changeBatchSize: (id, batchSize, reason, actor) => changeBatchSize(deps, { id, reason, actor }, batchSize),
    enqueue: (id, input, actor) => enqueue(deps, { id, reason: '', actor }, input),
    async records(id, filter) {
      await find(id);
      const limit = Math.min(filter.limit ?? defaultPageSize, maxPageSize);
      const found = await store.records(id, { ...filter, limit: limit + 1 });
      return { items: found.slice(0, limit), nextCursor: found.length > limit ? (found[limit - 1]?.id ?? null) : null };
    },
    history: (sourceId) => deps.history(sourceId),
    failures: async (id) => deps.failures(await find(id)),
    replay: (id, group, reason, actor) => replay(deps, { id, reason, actor }, group),
    async validate(id, actor) {
      const run = await find(id);
      assertAllowed(run, 'validate');
      return deps.validate(run, runEntry(id, 'validate', actor));
    },
    async validation(id) {
      const validation = await deps.lastValidation(await find(id));
      if (validation) return validation;
      throw new DroverError('NOT_FOUND', `run ${id} was not validated yet`, {
        remedy: `POST /api/v1/runs/${id}/validate does it.`,
      });
    },
    rollback: (id, input, actor) => rollback(deps, id, input, actor),
    rollbackStatus: async (id) => deps.backgroundRollbacks.find((await find(id)).id),
    purge: (input, actor) => purge(deps, input, actor),
    person: (email, actor) => person(deps, email, actor),
    reports: async (id) => deps.reports(await find(id)),
    report: async (id, name, options) => deps.report(await find(id), name, options?.masked ?? false),
    close: () => deps.backgroundRollbacks.close(),
  };
}

async function startRun(deps: ControlDeps, input: Parameters<Control['startRun']>[0], actor: Actor): Promise<RunView> {
  const planned = planRun(deps, deps.plan(input.plan), input, actor);
  await assertNoActiveRun(deps.store, planned.run);
  try {
    const { ids, ...rest } = input;
    await deps.store.change(
      planned.run.id,
      (changes) => changes.createRun(planned.run, planned.entities),
      () => runEntry(planned.run.id, 'start', actor, { details: { ...rest, ids: ids?.length } }),
    );
  } catch (error) {
    // Another run started between the check and the insert; the database accepted only one of them.
    await assertNoActiveRun(deps.store, planned.run);
    throw error;
  }
  return deps.view(await findRun(deps.store, planned.run.id));
}

async function purge(deps: ControlDeps, input: PurgeRequest, actor: Actor): Promise<PurgeView> {
  if (input.runId !== undefined) assertFinished(await findRun(deps.store, input.runId));
  const { runId, olderThan, dryRun, reason } = input;
  // Before the first payload is deleted: a purge takes many transactions, and the process may end after any of them.
  const announce = (runs: readonly string[]): Promise<void> =>
    deps.store.appendAudit({
      ...{ actor: actor.id, role: actor.role, action: 'payloads.purge', reason },
      subject: runId === undefined ? 'runs' : `run:${runId}`,
      details: { olderThan, dryRun, runs },
    });
  return deps.purge(input, announce);
}

async function person(deps: ControlDeps, email: string, actor: Actor): Promise<PersonView> {
  const found = await deps.person(email);
  // The log outlives the person's data, so it holds a hash; with the address the entry can be found.
  const name = createHash('sha256').update(email.toLowerCase()).digest('hex').slice(0, 16);
  await deps.store.appendAudit({
    ...{ actor: actor.id, role: actor.role, action: 'person.export', subject: `person:${name}` },
    details: { records: found.records.length, rows: found.rows.length },
  });
  return found;
}

/**
 * What is undone is in the target's database or at an API and not in the transactions of the audit log, so one entry is
 * written before the work and one with its result after it.
 */
async function rollback(
  deps: ControlDeps,
  id: string,
  { reason, dryRun }: { reason: string; dryRun: boolean },
  actor: Actor,
): Promise<RollbackView> {
  const before = await findRun(deps.store, id);
  if (!dryRun) await assertNotRollingBack(deps.store, before);
  await assertNoNewerActiveRun(deps.store, before);
  await assertNoDependentRun(deps.store, before);
  const run = await deps.store.change(
    id,
    async (changes) => {
      const found = await findRun(changes, id);
      assertAllowed(found, 'rollback');
      return found;
    },
    () => runEntry(id, 'rollback', actor, { reason, details: { dryRun } }),
  );
  if (dryRun) return deps.rollback(run, true);
  const ended = (done: RollbackView): Promise<void> => saveRollback(deps, done, reason, actor);
  const plan = deps.plan(run.plan);
  const request = { actor: actor.id, role: actor.role, reason };
  if (writesToApis(plan)) return deps.backgroundRollbacks.start(run, plan, request, ended);
  const done = await deps.rollback(run, false);
  await ended(done);
  return done;
}

function saveRollback(
  { store }: ControlDeps,
  { runId, removed, restored, conflicts: left }: RollbackView,
  reason: string,
  actor: Actor,
): Promise<void> {
  const conflicts = left.length;
  return store.change(
    runId,
    async (changes) => {
      if (conflicts === 0) await changes.setRolledBack(runId);
    },
    () => runEntry(runId, 'rolled-back', actor, { reason, details: { removed, restored, conflicts } }),
  );
}
