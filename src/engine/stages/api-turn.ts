import { randomUUID } from 'node:crypto';
import { toDroverError } from '../../errors.ts';
import type { ApiFactory } from '../effects/apis.ts';
import { Fenced } from '../effects/effects.ts';
import type { ApiLanes } from '../effects/lanes.ts';
import type { EffectStore, Held } from '../effects/ports.ts';
import type { OpenRecord, Verdict } from '../ports.ts';
import type { Stage } from '../record-status.ts';
import { finish } from './finish.ts';
import { failedTry, leased, resultOf, type StageDeps, type StageResult } from './stage.ts';

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
