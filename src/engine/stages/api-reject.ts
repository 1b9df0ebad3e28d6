import { toDroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import { createEffects, Fenced } from '../effects/effects.ts';
import type { OpenRecord, Verdict } from '../ports.ts';
import { type ApiDeps, apiTurn, later } from './api-turn.ts';
import type { Group, StageResult } from './stage.ts';

/** A record that its transform rejects, and whose source is to be told so. */
export interface Rejection {
  readonly record: OpenRecord;
  readonly verdict: Verdict;
  readonly reject: NonNullable<ApiPort['reject']>;
}

/**
 * What becomes of a rejected record of an entity whose source is told: a place among those on their way, or a wait for
 * one. Undefined where nobody is told: of other entities, and in a run that writes nothing.
 */
export function rejectionOf(
  deps: ApiDeps,
  { context: { plan, run }, entity, name }: Group,
  record: OpenRecord,
  verdict: Verdict,
): Rejection | Verdict | undefined {
  if (entity.api === undefined || run.dryRun) return undefined;
  const { reject } = deps.apis(plan, run, name);
  if (reject === undefined) return undefined;
  const waitMs = deps.lanes.reserve();
  return waitMs === undefined ? { record, verdict, reject } : later(waitMs);
}

/** Tells the source, then ends the record as it was rejected. */
export function rejectRecord(deps: ApiDeps, { record, verdict, reject }: Rejection): Promise<StageResult> {
  return apiTurn(deps, 'transform', record, async (held) => {
    try {
      const { sourceId, raw = {} } = record;
      await reject({ sourceId, raw }, createEffects(deps.effects, held, deps.worker));
    } catch (thrown) {
      if (thrown instanceof Fenced || mayPass(deps, record, thrown)) throw thrown;
      // The record is rejected all the same, for its own reason: that its source could not be told is the smaller one.
    }
    return verdict;
  });
}

function mayPass(deps: ApiDeps, { attempts }: OpenRecord, thrown: unknown): boolean {
  const error = toDroverError(thrown);
  if (error.class === 'data') return false;
  return error.class !== 'transient' || attempts + 1 < deps.maxAttempts;
}
