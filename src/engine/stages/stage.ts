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

/** What every stage works with. */
export interface StageDeps {
  readonly ledger: Ledger;
  readonly contexts: RunContexts;
  readonly dispatcher: Dispatcher;
  /** Stops a run for a CRITICAL or configuration error. */
  readonly stopRun: (runId: string, error: DroverError) => Promise<void>;
  /** Name of this process in the history of tries. */
  readonly worker: string;
  readonly maxAttempts: number;
  readonly onOutcome?: ((finished: WrittenOutcome, stage: Stage) => void) | undefined;
}

/** What became of one record of a job. `ended` carries the code of a record that is not going on. */
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

/** `kept` says that the stage goes on with the record by itself and finishes it later. */
export type GroupOutcomes = ReadonlyMap<string, RecordOutcome | 'kept'>;
export type GroupWork = (group: Group) => Promise<GroupOutcomes>;

/**
 * The frame of every stage: open the records, let the stage say its verdicts group by group, write them all in one
 * statement, hand on what may go straight to its next queue. Answers in the order of the refs.
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
  const verdicts = new Map<string, RecordOutcome>();
  const undecided = new Set(opened.map((record) => record.id));
  const whole = opened.filter((record) => {
    if (!lacksPayload(record, want)) return true;
    undecided.delete(record.id);
    verdicts.set(record.id, payloadsPurged);
    return false;
  });
  for (const group of await groupsOf(deps, whole)) {
    for (const [id, verdict] of await runGroup(deps, group, work)) {
      undecided.delete(id);
      if (verdict !== 'kept') verdicts.set(id, verdict);
    }
  }
  await deps.ledger.release(opened.filter((record) => undecided.has(record.id)));
  const finished = await completeRecords(
    deps,
    stage,
    opened.filter((record) => verdicts.has(record.id)),
    verdicts,
  );
  return refs.map((ref) => toRecordResult(finished.get(ref.id)));
}

function lacksPayload(record: OpenRecord, want: { raw: boolean; clean: boolean }): boolean {
  return (want.raw && !record.raw) || (want.clean && !record.clean);
}

// The child of a mended parent may be sent on long after its payload was purged; nothing may be made up for it.
export const payloadsPurged: RecordOutcome = {
  kind: 'end',
  status: 'failed',
  code: 'PAYLOADS_PURGED',
  message: 'what the source said of it was purged',
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

/** The run as it is, or undefined when it cannot go on in this process and was stopped: its records are given back. */
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
 * A group whose work fails as a whole: what is wrong with the settings stops the run and gives the records back; what
 * may pass is tried again, later each time; what is wrong with a record's data is that record's verdict alone.
 */
async function runGroup(deps: StageDeps, group: Group, work: GroupWork): Promise<GroupOutcomes> {
  try {
    const said = await bisect<OpenRecord, readonly [string, RecordOutcome | 'kept' | undefined]>(
      group.records,
      async (records) => {
        const verdicts = await work({ ...group, records });
        return records.map(({ id }) => [id, verdicts.get(id)] as const);
      },
      (record, error) => [record.id, outcomeOfError(record, error)],
    );
    return new Map(said.flatMap(([id, verdict]) => (verdict === undefined ? [] : [[id, verdict] as const])));
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (error.class === 'configuration' || error.class === 'critical') {
      await deps.stopRun(group.context.run.id, error);
      return new Map();
    }
    return new Map(group.records.map((record) => [record.id, outcomeOfError(record, error)]));
  }
}

/** The verdict of a record whose try failed for a reason that may pass, or for its own data. */
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

/** Another is at the record: its finish counts, or the record is given out again when its lease has run out. */
export async function releaseLeasedRecord(deps: StageDeps, record: OpenRecord): Promise<RecordResult> {
  await deps.ledger.release([record]);
  return { kind: 'fenced' };
}

/** What a job is told of one of its records; no verdict counted when another has worked on it since. */
export function toRecordResult(verdict: RecordOutcome | undefined): RecordResult {
  if (!verdict) return { kind: 'fenced' };
  if (verdict.kind === 'end' && verdict.status !== 'reconciled' && verdict.status !== 'skipped') {
    return { kind: 'ended', code: verdict.code ?? verdict.status, message: verdict.message ?? '' };
  }
  return { kind: 'moved' };
}

/** Writes verdicts and hands on what was dispatched; answers the verdicts that counted, as they were written. */
export async function completeRecords(
  deps: StageDeps,
  stage: Stage,
  records: readonly OpenRecord[],
  verdicts: ReadonlyMap<string, RecordOutcome>,
  token?: string,
): Promise<ReadonlyMap<string, RecordOutcome>> {
  const finishes: OutcomeWrite[] = [];
  for (const record of records) {
    const verdict = withAttemptLimit(deps, record, verdicts.get(record.id) as RecordOutcome);
    const context = await deps.contexts.get(record.runId);
    finishes.push({
      ref: { id: record.id, epoch: record.epoch },
      stage,
      outcome: verdict,
      dispatch: canDispatchNext(deps, context, record.entity, verdict),
      ...(token === undefined ? {} : { token }),
    });
  }
  const { finished, written } = await writeBisecting(deps, finishes);
  for (const record of finished) deps.onOutcome?.(record, stage);
  await dispatchNext(
    deps,
    finished.filter((record) => record.dispatched),
  );
  return new Map(finished.map((record) => [record.id, written.get(record.id) as RecordOutcome]));
}

/**
 * All in one statement. What the ledger itself cannot hold (a plan that makes a zero byte or a sum beyond 64 bits) would
 * fail it for hundreds of others again and again: such a record is found and rejected.
 */
async function writeBisecting(
  deps: StageDeps,
  finishes: readonly OutcomeWrite[],
): Promise<{ finished: readonly WrittenOutcome[]; written: ReadonlyMap<string, RecordOutcome> }> {
  const refused: OutcomeWrite[] = [];
  const finished = await bisect<OutcomeWrite, WrittenOutcome | undefined>(
    finishes,
    async (some) => {
      const done = new Map((await deps.ledger.writeOutcomes(some, deps.worker)).map((record) => [record.id, record]));
      return some.map(({ ref }) => done.get(ref.id));
    },
    (finish, error) => {
      refused.push({ ...finish, outcome: unstorableOutcome(error), dispatch: false });
      return undefined;
    },
  );
  const rejected = refused.length > 0 ? await deps.ledger.writeOutcomes(refused, deps.worker) : [];
  return {
    finished: [...finished.filter((record) => record !== undefined), ...rejected],
    written: new Map([...finishes, ...refused].map(({ ref, outcome: verdict }) => [ref.id, verdict])),
  };
}

function unstorableOutcome(error: DroverError): RecordOutcome {
  return { kind: 'end', status: 'rejected', code: 'UNSTORABLE', message: error.message };
}

// A try too many is an end: the last cause stays in the message, the code of the cause in the history.
function withAttemptLimit(deps: StageDeps, record: OpenRecord, verdict: RecordOutcome): RecordOutcome {
  if (verdict.kind !== 'again' || !verdict.counts || record.attempts + 1 < deps.maxAttempts) return verdict;
  return { kind: 'end', status: 'failed', code: 'TRIES_USED_UP', message: `${verdict.code}: ${verdict.message}` };
}

function canDispatchNext(deps: StageDeps, context: RunContext, entity: string, verdict: RecordOutcome): boolean {
  if (verdict.kind !== 'next') return false;
  if (verdict.stage === 'load' && !context.entities.get(entity)?.loadOpen) return false;
  return deps.dispatcher.freeSlots(verdict.stage) > 0;
}

async function dispatchNext(deps: StageDeps, finished: readonly WrittenOutcome[]): Promise<void> {
  const jobs: StageJob[] = [];
  for (const [, records] of groupBy(finished, (record) => `${record.runId}/${record.stage}`)) {
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
    // The work itself is done and written. Redis being away is no reason to fail it, nor to leave the records to the
    // sweep: the conductor gives them out again, under another epoch than the jobs that may have arrived.
    await deps.ledger.release(finished);
  }
}
