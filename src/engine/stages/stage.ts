import { type DroverError, toDroverError } from '../../errors.ts';
import type { Entity } from '../../plan/contract.ts';
import { backoff } from '../backoff.ts';
import { entityOf, type RunContext, type RunContexts } from '../contexts.ts';
import type { Dispatcher, Finish, Finished, Ledger, OpenRecord, RecordRef, StageJob, Verdict } from '../ports.ts';
import type { Stage } from '../record-status.ts';

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
  readonly onFinished?: ((finished: Finished, stage: Stage) => void) | undefined;
}

/** What became of one record of a job. `ended` carries the code of a record that is not going on. */
export type StageResult =
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
export type GroupVerdicts = ReadonlyMap<string, Verdict | 'kept'>;
export type GroupWork = (group: Group) => Promise<GroupVerdicts>;

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
): Promise<StageResult[]> {
  const opened = await deps.ledger.open(stage, refs, want);
  await giveBackMissing(deps, refs, opened);
  const verdicts = new Map<string, Verdict>();
  const undecided = new Set(opened.map((record) => record.id));
  const whole = opened.filter((record) => {
    if (!lacksPayload(record, want)) return true;
    undecided.delete(record.id);
    verdicts.set(record.id, purged);
    return false;
  });
  for (const group of await groupsOf(deps, whole)) {
    for (const [id, verdict] of await verdictsOf(deps, group, work)) {
      undecided.delete(id);
      if (verdict !== 'kept') verdicts.set(id, verdict);
    }
  }
  await deps.ledger.release(opened.filter((record) => undecided.has(record.id)));
  const finished = await finish(
    deps,
    stage,
    opened.filter((record) => verdicts.has(record.id)),
    verdicts,
  );
  return refs.map((ref) => resultOf(verdicts.get(ref.id), finished.has(ref.id)));
}

/** Writes verdicts and hands on what was dispatched; answers the ids that counted. */
export async function finish(
  deps: StageDeps,
  stage: Stage,
  records: readonly OpenRecord[],
  verdicts: ReadonlyMap<string, Verdict>,
  token?: string,
): Promise<Set<string>> {
  const finishes: Finish[] = [];
  for (const record of records) {
    const verdict = limited(deps, record, verdicts.get(record.id) as Verdict);
    const context = await deps.contexts.get(record.runId);
    finishes.push({
      ref: { id: record.id, epoch: record.epoch },
      stage,
      verdict,
      dispatch: mayHandOn(deps, context, record.entity, verdict),
      ...(token === undefined ? {} : { token }),
    });
  }
  const finished = await deps.ledger.finish(finishes, deps.worker);
  for (const record of finished) deps.onFinished?.(record, stage);
  await handOn(
    deps,
    finished.filter((record) => record.dispatched),
  );
  return new Set(finished.map((record) => record.id));
}

function lacksPayload(record: OpenRecord, want: { raw: boolean; clean: boolean }): boolean {
  return (want.raw && !record.raw) || (want.clean && !record.clean);
}

// The child of a mended parent may be sent on long after its payload was purged; nothing may be made up for it.
export const purged: Verdict = {
  kind: 'end',
  status: 'failed',
  code: 'PAYLOADS_PURGED',
  message: 'what the source said of it was purged',
};

// A try too many is an end: the last cause stays in the message, the code of the cause in the history.
function limited(deps: StageDeps, record: OpenRecord, verdict: Verdict): Verdict {
  if (verdict.kind !== 'again' || !verdict.counts || record.attempts + 1 < deps.maxAttempts) return verdict;
  return { kind: 'end', status: 'failed', code: 'TRIES_USED_UP', message: `${verdict.code}: ${verdict.message}` };
}

function mayHandOn(deps: StageDeps, context: RunContext, entity: string, verdict: Verdict): boolean {
  if (verdict.kind !== 'next') return false;
  if (verdict.stage === 'load' && !context.entities.get(entity)?.loadOpen) return false;
  return deps.dispatcher.room(verdict.stage) > 0;
}

async function handOn(deps: StageDeps, finished: readonly Finished[]): Promise<void> {
  const jobs: StageJob[] = [];
  for (const [, records] of groupBy(finished, (record) => `${record.runId}/${record.stage}`)) {
    const [first] = records;
    if (!first) continue;
    const { run } = await deps.contexts.get(first.runId);
    for (let at = 0; at < records.length; at += run.batchSize) {
      const refs = records.slice(at, at + run.batchSize).map(({ id, epoch }) => ({ id, epoch }));
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

async function giveBackMissing(
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
    const context = await contextOf(deps, first.runId);
    if (!context) continue;
    groups.push({ context, name: first.entity, entity: entityOf(context.plan, first.entity), records: members });
  }
  return groups;
}

/** The run as it is, or undefined when it cannot go on in this process and was stopped: its records are given back. */
async function contextOf(deps: StageDeps, runId: string): Promise<RunContext | undefined> {
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
 * may pass is tried again, later each time.
 */
async function verdictsOf(deps: StageDeps, group: Group, work: GroupWork): Promise<GroupVerdicts> {
  try {
    return await work(group);
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (error.class === 'configuration' || error.class === 'critical') {
      await deps.stopRun(group.context.run.id, error);
      return new Map();
    }
    return new Map(group.records.map((record) => [record.id, failedTry(record, error)]));
  }
}

/** The verdict of a record whose try failed for a reason that may pass, or for its own data. */
export function failedTry(record: OpenRecord, error: DroverError): Verdict {
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

/** What a job is told of one of its records. */
export function resultOf(verdict: Verdict | undefined, counted: boolean): StageResult {
  if (!verdict || !counted) return { kind: 'fenced' };
  if (verdict.kind === 'end' && verdict.status !== 'reconciled' && verdict.status !== 'skipped') {
    return { kind: 'ended', code: verdict.code ?? verdict.status, message: verdict.message ?? '' };
  }
  return { kind: 'moved' };
}

/** Items by key, in the order the keys were first seen. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}
