import { type AuditEntry, runEntry } from '../../contract/audit.ts';
import type { RepairResultView } from '../../contract/records.ts';
import { assertAllowed, type RunAction } from '../../contract/run-status.ts';
import type { Actor, BatchSize, RunView } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { Run } from '../ledger/types.ts';
import { assertPayloadsKept } from '../retention/purge.ts';
import { assertVersion, entityOf } from './context.ts';
import type { ControlChanges } from './control-store.ts';
import { assertNoActiveRun } from './start.ts';
import type { ControlDeps } from './types.ts';

/** The actor, the run and the reason of a request. */
export interface RunRequest {
  readonly id: string;
  readonly actor: Actor;
  readonly reason: string;
}

/** Pause or resume: moves the run to the requested status. */
export function requestStatus(
  deps: ControlDeps,
  request: RunRequest,
  action: Extract<RunAction, 'pause' | 'resume'>,
  to: Run['status'],
): Promise<RunView> {
  return changeWithAudit(deps, request, action, async (changes, run) => {
    assertAllowed(run, action);
    if (action === 'resume') assertVersion(run, deps.plan(run.plan));
    await assertMoved(changes.move(run.id, to, request.reason), changes, run.id, action);
  });
}

export function cancel(deps: ControlDeps, request: RunRequest): Promise<RunView> {
  return changeWithAudit(deps, request, 'cancel', async (changes, run) => {
    assertAllowed(run, 'cancel');
    // A pending run has no work to wait for; but the scheduler may start it at this moment.
    if (run.status === 'pending' && (await changes.move(run.id, 'cancelled', request.reason))) return;
    await assertMoved(changes.move(run.id, 'cancelling', request.reason), changes, run.id, 'cancel');
  });
}

export function changeBatchSize(deps: ControlDeps, request: RunRequest, batchSize: BatchSize): Promise<RunView> {
  const work = (changes: ControlChanges, run: Run): Promise<void> => {
    assertAllowed(run, 'changeBatchSize');
    return changes.setBatchSize(run.id, batchSize);
  };
  return changeWithAudit(deps, request, 'change-batch-size', work, () => ({ batchSize }));
}

export async function retry(deps: ControlDeps, request: RunRequest): Promise<RunView> {
  await assertNoActiveRun(deps.store, await findRun(deps.store, request.id));
  return changeWithAudit(deps, request, 'retry', async (changes, run) => {
    assertRepeatable(deps, run, 'retry', 'a retry');
    await changes.reopenExtractions(run.id);
    // A stopped run has pending records; a finished one has settled records to process again.
    if (run.status === 'completed_with_failures') await changes.replay(run.id, {});
    // A run that failed before it started may lack tables, or a schema: it is prepared again.
    const neverStarted = run.status === 'failed' && run.startedAt === null;
    const moved = neverStarted
      ? changes.move(run.id, 'pending', request.reason)
      : changes.resume(run.id, request.reason);
    await assertMoved(moved, changes, run.id, 'retry');
  });
}

/** Compares every record that a finished run loaded with the target once more. */
export async function reconcile(deps: ControlDeps, request: RunRequest): Promise<RunView> {
  await assertNoActiveRun(deps.store, await findRun(deps.store, request.id));
  return changeWithAudit(deps, request, 'reconcile', async (changes, run) => {
    assertRepeatable(deps, run, 'reconcile', 'another comparison');
    // Which API objects belong to an unchanged record is known only to the run that made them.
    const { entities } = deps.plan(run.plan);
    const inTables = Object.keys(entities).filter((name) => !entities[name]?.api);
    await changes.reconcileAgain(run.id, inTables);
    await assertMoved(changes.resume(run.id, request.reason), changes, run.id, 'reconcile');
  });
}

/**
 * Makes the target what the source says: rows that are there twice are removed, records that differ are written again and
 * compared. The rows are in another database than the audit log, so one entry is written before the work and one with its
 * result after it.
 */
export async function repair(deps: ControlDeps, request: RunRequest): Promise<RepairResultView> {
  const before = await findRun(deps.store, request.id);
  await assertNoActiveRun(deps.store, before);
  await changeWithAudit(deps, request, 'mend', async (_changes, run) => assertRepeatable(deps, run, 'mend', 'mending'));
  const { removed, left } = await deps.removeDuplicates(before);
  let written = 0;
  const work = async (changes: ControlChanges, run: Run): Promise<void> => {
    assertRepeatable(deps, run, 'mend', 'mending');
    written = await changes.replay(run.id, { status: 'mismatched' });
    // Also when nothing is to be written: the run ends with a validation, which finds duplicate rows.
    await assertMoved(changes.resume(run.id, request.reason), changes, run.id, 'mend');
  };
  const run = await changeWithAudit(deps, request, 'mended', work, () => ({
    written,
    removed: removed.length,
    left: left.length,
  }));
  return { written, removed, left, run };
}

export async function replay(
  deps: ControlDeps,
  request: RunRequest,
  group: string,
): Promise<{ replayed: number; run: RunView }> {
  const before = await findRun(deps.store, request.id);
  assertRepeatable(deps, before, 'replay', 'a replay');
  await assertNoActiveRun(deps.store, before);
  const found = (await deps.failures(before)).find((failure) => failure.group === group);
  if (!found)
    throw new DroverError('NOT_FOUND', `run ${request.id} has no failure group ${group}`, {
      remedy: '`drover failures` lists them.',
    });
  const { entity, stage, status, code, field } = found;
  let replayed = 0;
  const work = async (changes: ControlChanges, run: Run): Promise<void> => {
    assertRepeatable(deps, run, 'replay', 'a replay');
    replayed = await changes.replay(run.id, { entity, stage, status, code, field });
    await assertMoved(changes.resume(run.id, request.reason), changes, run.id, 'replay');
  };
  const run = await changeWithAudit(deps, request, 'replay', work, () => ({ group, replayed }));
  return { replayed, run };
}

export async function enqueue(
  deps: ControlDeps,
  request: RunRequest,
  input: EnqueueInput,
): Promise<{ accepted: number; run: RunView }> {
  const before = await findRun(deps.store, request.id);
  assertMayEnqueue(deps, before);
  await assertNoActiveRun(deps.store, before);
  await assertEntityInRun(deps, before, input.entity);
  const records = input.sourceIds ? [] : toRecords(input.records ?? [], (raw) => fingerprint(raw, 16));
  let accepted = 0;
  const work = async (changes: ControlChanges, run: Run): Promise<void> => {
    assertMayEnqueue(deps, run);
    accepted = input.sourceIds
      ? await changes.enqueueIds(run.id, input.entity, input.sourceIds)
      : await changes.enqueueRecords(run.id, input.entity, records);
    await assertMoved(changes.resume(run.id, 'records were enqueued'), changes, run.id, 'enqueue');
  };
  const run = await changeWithAudit(deps, request, 'enqueue', work, () => ({ entity: input.entity, accepted }));
  return { accepted, run };
}

/** One change of a run with its row in the log; answers the run as it is then. */
async function changeWithAudit(
  deps: ControlDeps,
  { id, actor, reason }: RunRequest,
  action: string,
  work: (changes: ControlChanges, run: Run) => Promise<void>,
  details: () => AuditEntry['details'] = () => undefined,
): Promise<RunView> {
  await deps.store.change(
    id,
    async (changes) => work(changes, await findRun(changes, id)),
    () => runEntry(id, action, actor, { reason, details: details() }),
  );
  return deps.view(await findRun(deps.store, id));
}

/** The guard of the UPDATE decides and not the check before it: the scheduler moves runs too. */
async function assertMoved(
  moved: Promise<boolean>,
  changes: ControlChanges,
  id: string,
  action: RunAction,
): Promise<void> {
  if (await moved) return;
  const run = await findRun(changes, id);
  assertAllowed(run, action);
  throw new DroverError('NOT_ALLOWED_NOW', `run ${id} is ${run.status}: ${action} is not possible`);
}

function assertRepeatable(
  deps: ControlDeps,
  run: Run,
  action: 'retry' | 'replay' | 'reconcile' | 'mend',
  what: string,
): void {
  assertPayloadsKept(run, what);
  assertAllowed(run, action);
  assertVersion(run, deps.plan(run.plan));
}

function assertMayEnqueue(deps: ControlDeps, run: Run): void {
  assertAllowed(run, 'enqueue');
  assertVersion(run, deps.plan(run.plan));
}

async function assertEntityInRun(deps: ControlDeps, run: Run, entity: string): Promise<void> {
  const known = await deps.store.entities(run.id);
  entityOf(deps.plan(run.plan), entity);
  if (known.some((one) => one.entity === entity)) return;
  throw new DroverError('BAD_REQUEST', `run ${run.id} does not move ${entity}`, {
    remedy: `It moves ${known.map((one) => one.entity).join(', ')}.`,
  });
}

/** Records to add to a run: by source id, to be fetched, or as they are. */
interface EnqueueInput {
  readonly entity: string;
  readonly sourceIds?: readonly string[] | undefined;
  readonly records?: readonly Record<string, unknown>[] | undefined;
}

// How sources name their own ids: Bubble's API, Bubble's export, and nearly everyone else.
const idFields = ['_id', 'unique id', 'id'];

/**
 * Records with the id each carries. One without an id is named by its content, so that the same record sent twice is
 * one record.
 * @throws DroverError BAD_REQUEST when two of them carry the same id.
 */
function toRecords(
  records: readonly Record<string, unknown>[],
  contentName: (raw: JsonObject) => string,
): { sourceId: string; raw: JsonObject }[] {
  const result = records.map((record) => {
    const raw = record as JsonObject;
    const id = idFields
      .map((field) => raw[field])
      .find((value) => value !== undefined && value !== null && value !== '');
    return { sourceId: id === undefined ? `#${contentName(raw)}` : String(id), raw };
  });
  const seen = new Set<string>();
  const repeated = result.find(({ sourceId }) => seen.size === seen.add(sourceId).size);
  if (repeated) {
    throw new DroverError('BAD_REQUEST', `two records carry the id ${repeated.sourceId}`, {
      remedy: 'Send each record once.',
    });
  }
  return result;
}

/** The run of that id; throws NOT_FOUND. */
export async function findRun(store: { find(id: string): Promise<Run | undefined> }, id: string): Promise<Run> {
  const run = await store.find(id);
  if (!run) throw new DroverError('NOT_FOUND', `there is no run ${id}`, { remedy: '`drover runs` lists them.' });
  return run;
}
