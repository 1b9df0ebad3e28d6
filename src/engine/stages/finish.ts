import type { DroverError } from '../../errors.ts';
import { batchSizeOf } from '../batch-size.ts';
import { bisect } from '../bisect.ts';
import type { RunContext } from '../contexts.ts';
import { groupBy } from '../group-by.ts';
import type { Finish, Finished, OpenRecord, StageJob, Verdict } from '../ports.ts';
import type { Stage } from '../record-status.ts';
import type { StageDeps } from './stage.ts';

/** Writes verdicts and hands on what was dispatched; answers the verdicts that counted, as they were written. */
export async function finish(
  deps: StageDeps,
  stage: Stage,
  records: readonly OpenRecord[],
  verdicts: ReadonlyMap<string, Verdict>,
  token?: string,
): Promise<ReadonlyMap<string, Verdict>> {
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
  const { finished, written } = await write(deps, finishes);
  for (const record of finished) deps.onFinished?.(record, stage);
  await handOn(
    deps,
    finished.filter((record) => record.dispatched),
  );
  return new Map(finished.map((record) => [record.id, written.get(record.id) as Verdict]));
}

/**
 * All in one statement. What the ledger itself cannot hold (a plan that makes a zero byte or a sum beyond 64 bits) would
 * fail it for hundreds of others again and again: such a record is found and rejected.
 */
async function write(
  deps: StageDeps,
  finishes: readonly Finish[],
): Promise<{ finished: readonly Finished[]; written: ReadonlyMap<string, Verdict> }> {
  const refused: Finish[] = [];
  const finished = await bisect<Finish, Finished | undefined>(
    finishes,
    async (some) => {
      const done = new Map((await deps.ledger.finish(some, deps.worker)).map((record) => [record.id, record]));
      return some.map(({ ref }) => done.get(ref.id));
    },
    (finish, error) => {
      refused.push({ ...finish, verdict: unstorable(error), dispatch: false });
      return undefined;
    },
  );
  const rejected = refused.length > 0 ? await deps.ledger.finish(refused, deps.worker) : [];
  return {
    finished: [...finished.filter((record) => record !== undefined), ...rejected],
    written: new Map([...finishes, ...refused].map(({ ref, verdict }) => [ref.id, verdict])),
  };
}

function unstorable(error: DroverError): Verdict {
  return { kind: 'end', status: 'rejected', code: 'UNSTORABLE', message: error.message };
}

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
