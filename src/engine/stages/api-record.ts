import { randomUUID } from 'node:crypto';
import type { Stage } from '../../contract/record-status.ts';
import { toDroverError } from '../../errors.ts';
import { type ApiFactory, type EffectStore, Fenced, type Held } from '../api-effects/effects.ts';
import type { OpenRecord, Verdict } from '../ledger/types.ts';
import { failedTry, finish, leased, resultOf, type StageDeps, type StageResult } from './stage.ts';

export interface ApiDeps extends StageDeps {
  readonly apis: ApiFactory;
  readonly effects: EffectStore;
  readonly lanes: ApiLanes;
  /** How long a lease on a record holds between two effects, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * A record's turn on a place that was reserved for it: claims it, works under the lease, and finishes it. The work answers
 * undefined when the record is somebody else's by now, or goes back because its run was stopped.
 */
export function apiTurn(
  deps: ApiDeps,
  stage: Stage,
  record: OpenRecord,
  work: (held: Held) => Promise<Verdict | undefined>,
): Promise<StageResult> {
  return deps.lanes.take(async () => {
    const token = randomUUID();
    const granted = await deps.ledger.claim([record], token, deps.leaseMs);
    if (granted.length === 0) return leased(deps, record);
    const verdict = await verdictOf(deps, { record, token, leaseMs: deps.leaseMs }, work);
    if (verdict === undefined) return { kind: 'fenced' };
    const counted = await finish(deps, stage, [record], new Map([[record.id, verdict]]), token);
    return resultOf(counted.get(record.id));
  });
}

async function verdictOf(
  deps: ApiDeps,
  held: Held & { readonly record: OpenRecord },
  work: (held: Held) => Promise<Verdict | undefined>,
): Promise<Verdict | undefined> {
  const { record, token } = held;
  try {
    return await work(held);
  } catch (thrown) {
    if (thrown instanceof Fenced) return undefined;
    const error = toDroverError(thrown);
    if (error.class !== 'configuration' && error.class !== 'critical') return failedTry(record, error);
    await deps.stopRun(record.runId, error);
    await deps.ledger.release([record], token);
    return undefined;
  }
}

/** The verdict of a record that finds no place among those on their way. */
export function later(delayMs: number): Verdict {
  const message = 'as many records as may be are on their way to the API';
  return { kind: 'again', delayMs, counts: false, code: 'WAITING_FOR_API', message };
}

/** How many records of this process are on their way to APIs at once. */
interface ApiLanes {
  /** Takes a place, or answers how many milliseconds to wait before asking again. */
  reserve(): number | undefined;
  /** Gives a place back that was not used. */
  free(): void;
  /** Waits for a turn on a place taken before, works, and gives the place back. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

// So many wait here for a turn: as many as a worker has jobs by default, because every return to the ledger costs it
// three statements.
// Who finds no place waits in the ledger.
const waitingPerLane = 20;
const pauseMs = 3_000;

/** `lanes` records at once. A record waits for its API's limit in its lane, so more of them send no faster. */
export function createApiLanes(lanes: number): ApiLanes {
  const waiting: (() => void)[] = [];
  const places = lanes * (1 + waitingPerLane);
  let taken = 0;
  let working = 0;

  const free = (): void => {
    taken -= 1;
  };
  const turn = (): Promise<void> => {
    working += 1;
    if (working <= lanes) return Promise.resolve();
    return new Promise((resolve) => waiting.push(resolve));
  };

  return {
    reserve() {
      // Spread out, so that those turned away do not all come back at once.
      if (taken >= places) return Math.round(pauseMs * (1 + 2 * Math.random()));
      taken += 1;
      return undefined;
    },
    free,
    async take(work) {
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
