import { backoff } from '../../backoff.ts';
import type { Stage } from '../../contract/record-status.ts';
import { type DroverError, toDroverError } from '../../errors.ts';
import type { Entity } from '../../plan/contract.ts';
import type {
  Dispatcher,
  Ledger,
  OpenRecord,
  OutcomeWrite,
  RecordOutcome,
  RecordRef,
  StageJob,
  WrittenOutcome,
} from '../ledger/types.ts';
import { entityOf, type RunContext, type RunContexts } from '../runs/context.ts';
import { batchSizeOf } from './batch-size.ts';
import { bisect, groupBy } from './batching.ts';

/** Dependencies of every stage. */
export interface StageDeps {
  readonly ledger: Ledger;
  readonly contexts: RunContexts;
  readonly dispatcher: Dispatcher;
  /** Stops a run for a CRITICAL or configuration error. */
  readonly stopRun: (runId: string, error: DroverError) => Promise<void>;
  /** Name of this process in the table of tries. */
  readonly worker: string;
  readonly maxAttempts: number;
  readonly onOutcome?: ((written: WrittenOutcome, stage: Stage) => void) | undefined;
}

/** The result of one record of a job. `ended` carries the code of a record that was settled as a failure. */
export type RecordResult =
  | { readonly kind: 'moved' | 'fenced' }
  | { readonly kind: 'ended'; readonly code: string; readonly message: string };

/** Records of one entity of one run. */
export interface Group {
  readonly context: RunContext;
  readonly name: string;
  readonly entity: Entity;
  readonly records: readonly OpenRecord[];
}

/** `deferred`: the stage processes the record by itself and writes its outcome later. */
export type GroupOutcomes = ReadonlyMap<string, RecordOutcome | 'deferred'>;
export type GroupWork = (group: Group) => Promise<GroupOutcomes>;

/**
 * Runs a stage: opens the records, calls the stage's work group by group, writes all outcomes in one statement, and
 * dispatches records whose next stage may start at once. Returns results in the order of the refs.
 */
export async function runStage(
  deps: StageDeps,
  stage: Stage,
  want: { raw: boolean; clean: boolean },
  refs: readonly RecordRef[],
  work: GroupWork,
): Promise<RecordResult[]> {
  const opened = await deps.ledger.open(stage, refs, want);
  await releaseMissing(deps, refs, opened);
  const outcomes = new Map<string, RecordOutcome>();
  const remaining = new Set(opened.map((record) => record.id));
  const whole = opened.filter((record) => {
    // The extract stage fetches what is not stored yet: an enqueued id, or one that failed in an earlier run.
    if (stage === 'extract' || !lacksPayload(record, want)) return true;
    remaining.delete(record.id);
    outcomes.set(record.id, payloadsPurged);
    return false;
  });
  for (const group of await groupsOf(deps, whole)) {
    for (const [id, outcome] of await runGroup(deps, group, work)) {
      remaining.delete(id);
      if (outcome !== 'deferred') outcomes.set(id, outcome);
    }
  }
  await deps.ledger.release(opened.filter((record) => remaining.has(record.id)));
  const finished = await completeRecords(
    deps,
    stage,
    opened.filter((record) => outcomes.has(record.id)),
    outcomes,
  );
  return refs.map((ref) => toRecordResult(finished.get(ref.id)));
}

function lacksPayload(record: OpenRecord, want: { raw: boolean; clean: boolean }): boolean {
  return (want.raw && !record.raw) || (want.clean && !record.clean);
}

// The child of a repaired parent may be continued long after its payload was purged; no value may be invented for it.
export const payloadsPurged: RecordOutcome = {
  kind: 'end',
  status: 'failed',
  code: 'PAYLOADS_PURGED',
  message: 'its stored source payload was purged',
};

async function releaseMissing(
  deps: StageDeps,
  refs: readonly RecordRef[],
  opened: readonly OpenRecord[],
): Promise<void> {
  if (opened.length === refs.length) return;
  const ids = new Set(opened.map((record) => record.id));
  await deps.ledger.release(refs.filter((ref) => !ids.has(ref.id)));
}

async function groupsOf(deps: StageDeps, records: readonly OpenRecord[]): Promise<Group[]> {
  const groups: Group[] = [];
  for (const members of groupBy(records, (record) => `${record.runId}/${record.entity}`).values()) {
    const [first] = members;
    if (!first) continue;
    const context = await contextOrStop(deps, first.runId);
    if (!context) continue;
    groups.push({ context, name: first.entity, entity: entityOf(context.plan, first.entity), records: members });
  }
  return groups;
}

/** The run's context, or undefined when the run cannot continue in this process and was stopped: its records are released. */
async function contextOrStop(deps: StageDeps, runId: string): Promise<RunContext | undefined> {
  try {
    return await deps.contexts.get(runId);
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (error.class !== 'configuration') throw error;
    await deps.stopRun(runId, error);
    return undefined;
  }
}

/**
 * Runs a group. An error of configuration stops the run and releases the records; a temporary error is retried with
 * growing delays; an error in a record's data is the outcome of that record alone.
 */
async function runGroup(deps: StageDeps, group: Group, work: GroupWork): Promise<GroupOutcomes> {
  try {
    const results = await bisect<OpenRecord, readonly [string, RecordOutcome | 'deferred' | undefined]>(
      group.records,
      async (records) => {
        const outcomes = await work({ ...group, records });
        return records.map(({ id }) => [id, outcomes.get(id)] as const);
      },
      (record, error) => [record.id, outcomeOfError(record, error)],
    );
    return new Map(results.flatMap(([id, outcome]) => (outcome === undefined ? [] : [[id, outcome] as const])));
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (error.class === 'configuration' || error.class === 'critical') {
      await deps.stopRun(group.context.run.id, error);
      return new Map();
    }
    return new Map(group.records.map((record) => [record.id, outcomeOfError(record, error)]));
  }
}

/** The outcome of a record whose try failed for a reason that may pass, or for its own data. */
export function outcomeOfError(record: OpenRecord, error: DroverError): RecordOutcome {
  if (error.class === 'data') {
    return {
      kind: 'end',
      status: 'rejected',
      code: error.code,
      message: error.message,
      ...(error.field === undefined ? {} : { field: error.field }),
    };
  }
  const delayMs = error.retryAfterMs ?? backoff(record.attempts);
  return { kind: 'again', delayMs, counts: error.class !== 'throttled', code: error.code, message: error.message };
}

/** Another worker holds the record: its outcome counts, or the record is dispatched again when that lease expires. */
export async function releaseLeasedRecord(deps: StageDeps, record: OpenRecord): Promise<RecordResult> {
  await deps.ledger.release([record]);
  return { kind: 'fenced' };
}

/** The result of a record for its job; `fenced` when its outcome was not accepted. */
export function toRecordResult(outcome: RecordOutcome | undefined): RecordResult {
  if (!outcome) return { kind: 'fenced' };
  if (outcome.kind === 'end' && outcome.status !== 'reconciled' && outcome.status !== 'skipped') {
    return { kind: 'ended', code: outcome.code ?? outcome.status, message: outcome.message ?? '' };
  }
  return { kind: 'moved' };
}

/** Writes outcomes and dispatches the records that go on; returns the accepted outcomes as they were written. */
export async function completeRecords(
  deps: StageDeps,
  stage: Stage,
  records: readonly OpenRecord[],
  outcomes: ReadonlyMap<string, RecordOutcome>,
  token?: string,
): Promise<ReadonlyMap<string, RecordOutcome>> {
  const writes: OutcomeWrite[] = [];
  for (const record of records) {
    const outcome = withAttemptLimit(deps, record, outcomes.get(record.id) as RecordOutcome);
    const context = await deps.contexts.get(record.runId);
    writes.push({
      ref: { id: record.id, epoch: record.epoch },
      stage,
      outcome,
      dispatch: canDispatchNext(deps, context, record.entity, outcome),
      ...(token === undefined ? {} : { token }),
    });
  }
  const { accepted, outcomeById } = await writeBisecting(deps, writes);
  for (const record of accepted) deps.onOutcome?.(record, stage);
  await dispatchNext(
    deps,
    accepted.filter((record) => record.dispatched),
  );
  return new Map(accepted.map((record) => [record.id, outcomeById.get(record.id) as RecordOutcome]));
}

/**
 * Writes all outcomes in one statement. A value that the ledger cannot store (a zero byte or an amount beyond 64 bits made
 * by a plan) would fail the statement for hundreds of other records again and again: such a record is found and rejected.
 */
async function writeBisecting(
  deps: StageDeps,
  writes: readonly OutcomeWrite[],
): Promise<{ accepted: readonly WrittenOutcome[]; outcomeById: ReadonlyMap<string, RecordOutcome> }> {
  const refused: OutcomeWrite[] = [];
  const written = await bisect<OutcomeWrite, WrittenOutcome | undefined>(
    writes,
    async (some) => {
      const done = new Map((await deps.ledger.writeOutcomes(some, deps.worker)).map((record) => [record.id, record]));
      return some.map(({ ref }) => done.get(ref.id));
    },
    (write, error) => {
      refused.push({ ...write, outcome: unstorableOutcome(error), dispatch: false });
      return undefined;
    },
  );
  const rejected = refused.length > 0 ? await deps.ledger.writeOutcomes(refused, deps.worker) : [];
  return {
    accepted: [...written.filter((record) => record !== undefined), ...rejected],
    outcomeById: new Map([...writes, ...refused].map(({ ref, outcome }) => [ref.id, outcome])),
  };
}

function unstorableOutcome(error: DroverError): RecordOutcome {
  return { kind: 'end', status: 'rejected', code: 'UNSTORABLE', message: error.message };
}

// After the last attempt the record fails: the cause stays in the message, and its code in the history.
function withAttemptLimit(deps: StageDeps, record: OpenRecord, outcome: RecordOutcome): RecordOutcome {
  if (outcome.kind !== 'again' || !outcome.counts || record.attempts + 1 < deps.maxAttempts) return outcome;
  return { kind: 'end', status: 'failed', code: 'TRIES_USED_UP', message: `${outcome.code}: ${outcome.message}` };
}

function canDispatchNext(deps: StageDeps, context: RunContext, entity: string, outcome: RecordOutcome): boolean {
  if (outcome.kind !== 'next') return false;
  if (outcome.stage === 'load' && !context.entities.get(entity)?.loadOpen) return false;
  return deps.dispatcher.freeSlots(outcome.stage) > 0;
}

async function dispatchNext(deps: StageDeps, written: readonly WrittenOutcome[]): Promise<void> {
  const jobs: StageJob[] = [];
  for (const [, records] of groupBy(written, (record) => `${record.runId}/${record.stage}`)) {
    const [first] = records;
    if (!first) continue;
    const { run } = await deps.contexts.get(first.runId);
    const size = batchSizeOf(run, first.stage);
    for (let at = 0; at < records.length; at += size) {
      const refs = records.slice(at, at + size).map(({ id, epoch }) => ({ id, epoch }));
      jobs.push({ stage: first.stage, runId: run.id, refs });
    }
  }
  if (jobs.length === 0) return;
  try {
    await deps.dispatcher.dispatch(jobs);
  } catch {
    // The work itself is done and written. Without Redis it must not fail, and the records need not wait for the sweep:
    // the scheduler dispatches them again, under another epoch than the jobs that may have arrived.
    await deps.ledger.release(written);
  }
}
