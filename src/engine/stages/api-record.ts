import { randomUUID } from 'node:crypto';
import type { Stage } from '../../contract/record-status.ts';
import { toDroverError } from '../../errors.ts';
import { type ApiFactory, type EffectStore, type LeasedRecord, LeaseLostError } from '../api-effects/effects.ts';
import type { OpenRecord, RecordOutcome } from '../ledger/types.ts';
import {
  completeRecords,
  outcomeOfError,
  type RecordResult,
  releaseLeasedRecord,
  type StageDeps,
  toRecordResult,
} from './stage.ts';

export interface ApiStageDeps extends StageDeps {
  readonly apis: ApiFactory;
  readonly effects: EffectStore;
  readonly limiter: ConcurrencyLimiter;
  /** How long a lease on a record holds between two effects, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * A record's turn on a place that was reserved for it: claims it, works under the lease, and finishes it. The work answers
 * undefined when the record is somebody else's by now, or goes back because its run was stopped.
 */
export function runLeased(
  deps: ApiStageDeps,
  stage: Stage,
  record: OpenRecord,
  work: (held: LeasedRecord) => Promise<RecordOutcome | undefined>,
): Promise<RecordResult> {
  return deps.limiter.run(async () => {
    const token = randomUUID();
    const granted = await deps.ledger.claim([record], token, deps.leaseMs);
    if (granted.length === 0) return releaseLeasedRecord(deps, record);
    const verdict = await outcomeOfWork(deps, { record, token, leaseMs: deps.leaseMs }, work);
    if (verdict === undefined) return { kind: 'fenced' };
    const counted = await completeRecords(deps, stage, [record], new Map([[record.id, verdict]]), token);
    return toRecordResult(counted.get(record.id));
  });
}

async function outcomeOfWork(
  deps: ApiStageDeps,
  held: LeasedRecord & { readonly record: OpenRecord },
  work: (held: LeasedRecord) => Promise<RecordOutcome | undefined>,
): Promise<RecordOutcome | undefined> {
  const { record, token } = held;
  try {
    return await work(held);
  } catch (thrown) {
    if (thrown instanceof LeaseLostError) return undefined;
    const error = toDroverError(thrown);
    if (error.class !== 'configuration' && error.class !== 'critical') return outcomeOfError(record, error);
    await deps.stopRun(record.runId, error);
    await deps.ledger.release([record], token);
    return undefined;
  }
}

/** The verdict of a record that finds no place among those on their way. */
export function waitForApi(delayMs: number): RecordOutcome {
  const message = 'as many records as may be are on their way to the API';
  return { kind: 'again', delayMs, counts: false, code: 'WAITING_FOR_API', message };
}

/** How many records of this process are on their way to APIs at once. */
interface ConcurrencyLimiter {
  /** Takes a place, or answers how many milliseconds to wait before asking again. */
  reserve(): number | undefined;
  /** Gives a place back that was not used. */
  release(): void;
  /** Waits for a turn on a place taken before, works, and gives the place back. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

// So many wait here for a turn: as many as a worker has jobs by default, because every return to the ledger costs it
// three statements.
// Who finds no place waits in the ledger.
const queuedPerSlot = 20;
const retryMs = 3_000;

/** `lanes` records at once. A record waits for its API's limit in its lane, so more of them send no faster. */
export function createConcurrencyLimiter(concurrency: number): ConcurrencyLimiter {
  const waiting: (() => void)[] = [];
  const places = concurrency * (1 + queuedPerSlot);
  let taken = 0;
  let working = 0;

  const free = (): void => {
    taken -= 1;
  };
  const turn = (): Promise<void> => {
    working += 1;
    if (working <= concurrency) return Promise.resolve();
    return new Promise((resolve) => waiting.push(resolve));
  };

  return {
    reserve() {
      // Spread out, so that those turned away do not all come back at once.
      if (taken >= places) return Math.round(retryMs * (1 + 2 * Math.random()));
      taken += 1;
      return undefined;
    },
    release: free,
    async run(work) {
      await turn();
      try {
        return await work();
      } finally {
        working -= 1;
        free();
        waiting.shift()?.();
      }
    },
  };
}
