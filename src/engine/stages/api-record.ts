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
  /** Duration of a lease on a record between two effects, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * Processes a record in the slot that was reserved for it: claims it, does the work under the lease, and writes its
 * outcome. The work returns undefined when the lease was lost, or when the record was released because its run stopped.
 */
export function runLeased(
  deps: ApiStageDeps,
  stage: Stage,
  record: OpenRecord,
  work: (leased: LeasedRecord) => Promise<RecordOutcome | undefined>,
): Promise<RecordResult> {
  return deps.limiter.run(async () => {
    const token = randomUUID();
    const granted = await deps.ledger.claim([record], token, deps.leaseMs);
    if (granted.length === 0) return releaseLeasedRecord(deps, record);
    const outcome = await outcomeOfWork(deps, { record, token, leaseMs: deps.leaseMs }, work);
    if (outcome === undefined) return { kind: 'fenced' };
    const written = await completeRecords(deps, stage, [record], new Map([[record.id, outcome]]), token);
    return toRecordResult(written.get(record.id));
  });
}

async function outcomeOfWork(
  deps: ApiStageDeps,
  leased: LeasedRecord & { readonly record: OpenRecord },
  work: (leased: LeasedRecord) => Promise<RecordOutcome | undefined>,
): Promise<RecordOutcome | undefined> {
  const { record, token } = leased;
  try {
    return await work(leased);
  } catch (thrown) {
    if (thrown instanceof LeaseLostError) return undefined;
    const error = toDroverError(thrown);
    if (error.class !== 'configuration' && error.class !== 'critical') return outcomeOfError(record, error);
    await deps.stopRun(record.runId, error);
    await deps.ledger.release([record], token);
    return undefined;
  }
}

/** The outcome of a record for which no slot is free. */
export function waitForApi(delayMs: number): RecordOutcome {
  const message = 'the limit of concurrent API requests is reached';
  return { kind: 'again', delayMs, counts: false, code: 'WAITING_FOR_API', message };
}

/** Limits how many records this process sends to APIs at once. */
interface ConcurrencyLimiter {
  /** Reserves a slot, or returns how many milliseconds to wait before the next attempt. */
  reserve(): number | undefined;
  /** Releases a slot that was not used. */
  release(): void;
  /** Waits until one of the concurrent calls is free, does the work, and releases the reserved slot. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

// Records that may wait here for each concurrent call: as many as a worker has jobs by default, because every return to
// the ledger costs three statements. All others wait in the ledger.
const queuedPerSlot = 20;
const retryMs = 3_000;

/** `concurrency` records at once. A record waits for its API's rate limit inside its slot, so a higher value sends no faster. */
export function createConcurrencyLimiter(concurrency: number): ConcurrencyLimiter {
  const waiting: (() => void)[] = [];
  const slots = concurrency * (1 + queuedPerSlot);
  let taken = 0;
  let working = 0;

  const release = (): void => {
    taken -= 1;
  };
  const acquire = (): Promise<void> => {
    working += 1;
    if (working <= concurrency) return Promise.resolve();
    return new Promise((resolve) => waiting.push(resolve));
  };

  return {
    reserve() {
      // With jitter, so that the records do not all return at once.
      if (taken >= slots) return Math.round(retryMs * (1 + 2 * Math.random()));
      taken += 1;
      return undefined;
    },
    release,
    async run(work) {
      await acquire();
      try {
        return await work();
      } finally {
        working -= 1;
        release();
        waiting.shift()?.();
      }
    },
  };
}
