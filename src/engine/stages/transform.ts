import { randomUUID } from 'node:crypto';
import { toDroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { EnrichTools, Entity, RejectOutcome, RowOutcome, TransformOutcome } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { createEffects, LeaseLostError } from '../api-effects/effects.ts';
import type { CleanRecord, OpenRecord, RecordOutcome, RecordRef } from '../ledger/types.ts';
import { isTrial, notJudgedCode } from '../trial/trial.ts';
import { type ApiStageDeps, runLeased, waitForApi } from './api-record.ts';
import {
  completeRecords,
  type Group,
  outcomeOfError,
  type RecordResult,
  releaseLeasedRecord,
  runStage,
  toRecordResult,
} from './stage.ts';

/** The thread pool for costly work. */
export interface EnrichPool extends EnrichTools {
  /** Reserves a slot for one record, or returns how many milliseconds to wait before the next attempt. */
  reserve(): number | undefined;
  /** Releases a slot. */
  release(): void;
}

export interface TransformDeps extends ApiStageDeps {
  readonly enrich: EnrichPool;
}

interface EnrichWork {
  readonly record: OpenRecord;
  readonly entity: Entity;
  readonly outcome: RowOutcome;
}

/** Records that are processed one by one after the rest of their job. */
interface DeferredRecords {
  readonly costly: Map<string, EnrichWork>;
  readonly rejected: Map<string, Rejection>;
}

/**
 * Raw to clean: checks the shape, maps the fields, sets money and merge keys. Records whose row needs costly work
 * (bcrypt) are claimed and completed one by one as the thread pool gets to them, and delay no other records; when the
 * pool is full they wait in the ledger. The same holds for rejected records that are reported to their source.
 */
export function createTransformStage(deps: TransformDeps) {
  return async (refs: readonly RecordRef[]): Promise<(RecordResult | Promise<RecordResult>)[]> => {
    const deferred: DeferredRecords = { costly: new Map(), rejected: new Map() };
    const want = { raw: true, clean: false };
    const work = async (group: Group) => transformGroup(deps, group, deferred);
    const immediate = await runStage(deps, 'transform', want, refs, work).catch((thrown) => {
      // These records will not be processed; their slots become free.
      for (const _costly of deferred.costly.values()) deps.enrich.release();
      for (const _rejection of deferred.rejected.values()) deps.limiter.release();
      throw thrown;
    });
    return refs.map((ref, index) => {
      const costly = deferred.costly.get(ref.id);
      if (costly) return enrichRecord(deps, costly);
      const rejection = deferred.rejected.get(ref.id);
      return rejection ? rejectRecord(deps, rejection) : (immediate[index] as RecordResult);
    });
  };
}

/** Checks the shape, then calls the plan's transform; a plan that throws rejects the record and not the run. */
export function transformRecord(
  entity: Entity,
  raw: JsonObject,
  sourceId: string,
  params: JsonObject,
): TransformOutcome {
  const shape = entity.schema.safeParse(raw);
  if (!shape.success) {
    const [issue] = shape.error.issues;
    return {
      kind: 'reject',
      code: 'SCHEMA',
      message: issue?.message ?? 'unexpected shape',
      field: issue?.path.join('.'),
    };
  }
  try {
    return entity.transform(raw, { sourceId, params });
  } catch (thrown) {
    const error = toDroverError(thrown);
    const code = error.class === 'data' ? error.code : 'TRANSFORM_THREW';
    return { kind: 'reject', code, message: error.message, field: error.field };
  }
}

function transformGroup(
  deps: TransformDeps,
  group: Group,
  deferred: DeferredRecords,
): Map<string, RecordOutcome | 'deferred'> {
  const outcomes = new Map<string, RecordOutcome | 'deferred'>();
  for (const record of group.records) {
    const outcome = transformRecord(group.entity, record.raw ?? {}, record.sourceId, group.context.run.params);
    if (outcome.kind === 'reject') {
      const settled = isMissingInTrial(group, outcome)
        ? notInTrialOutcome(outcome)
        : rejectOrDefer(deps, group, record, outcome, deferred);
      outcomes.set(record.id, settled);
      continue;
    }
    if (outcome.kind !== 'row' || outcome.enrich === undefined || group.context.run.dryRun) {
      outcomes.set(record.id, toRecordOutcome(outcome));
      continue;
    }
    const waitMs = deps.enrich.reserve();
    if (waitMs === undefined) deferred.costly.set(record.id, { record, entity: group.entity, outcome });
    outcomes.set(record.id, waitMs === undefined ? 'deferred' : waitForPool(waitMs));
  }
  return outcomes;
}

function rejectOrDefer(
  deps: TransformDeps,
  group: Group,
  record: OpenRecord,
  outcome: TransformOutcome,
  deferred: DeferredRecords,
): RecordOutcome | 'deferred' {
  const rejected = toRecordOutcome(outcome);
  const rejection = rejectionOf(deps, group, record, rejected) ?? rejected;
  if ('kind' in rejection) return rejection;
  deferred.rejected.set(record.id, rejection);
  return 'deferred';
}

function isMissingInTrial({ context }: Group, { missingDependency }: RejectOutcome): boolean {
  return missingDependency === true && isTrial(context.run);
}

function notInTrialOutcome({ code, message, money }: RejectOutcome): RecordOutcome {
  const explanation = `a trial leaves most records out, so a full run may end otherwise: ${code}: ${message}`;
  return { kind: 'end', status: 'skipped', code: notJudgedCode, message: explanation, ...(money ? { money } : {}) };
}

async function enrichRecord(deps: TransformDeps, work: EnrichWork): Promise<RecordResult> {
  const { record, entity, outcome } = work;
  const token = randomUUID();
  try {
    const granted = await deps.ledger.claim([record], token, deps.leaseMs);
    if (granted.length === 0) return releaseLeasedRecord(deps, record);
    const enriched = await enrichOutcome(deps, entity, record, outcome);
    const written = await completeRecords(deps, 'transform', [record], new Map([[record.id, enriched]]), token);
    return toRecordResult(written.get(record.id));
  } finally {
    deps.enrich.release();
  }
}

async function enrichOutcome(
  deps: TransformDeps,
  entity: Entity,
  record: OpenRecord,
  outcome: RowOutcome,
): Promise<RecordOutcome> {
  if (!entity.enrich || outcome.enrich === undefined) return toRecordOutcome(outcome);
  try {
    const row = await entity.enrich(outcome.row, outcome.enrich, deps.enrich);
    return toRecordOutcome({ ...outcome, row });
  } catch (thrown) {
    return outcomeOfError(record, toDroverError(thrown));
  }
}

function toRecordOutcome(outcome: TransformOutcome): RecordOutcome {
  if (outcome.kind === 'skip') return { kind: 'end', status: 'skipped', code: outcome.code, message: outcome.message };
  if (outcome.kind === 'reject') {
    const { code, message, field, money } = outcome;
    return { kind: 'end', status: 'rejected', code, message, ...(field ? { field } : {}), ...(money ? { money } : {}) };
  }
  return {
    kind: 'next',
    stage: 'load',
    clean: cleanOf(outcome),
    ...(outcome.mergeKey === undefined ? {} : { mergeKey: outcome.mergeKey }),
    ...(outcome.mergeRank === undefined ? {} : { mergeRank: outcome.mergeRank }),
    ...(outcome.money === undefined ? {} : { money: outcome.money }),
  };
}

/** The part of an outcome that the ledger stores; the input of `enrich` is a secret and is not stored. */
export function cleanOf(outcome: RowOutcome): CleanRecord {
  return {
    row: outcome.row,
    ...(outcome.references ? { references: outcome.references } : {}),
    ...(outcome.notes && outcome.notes.length > 0 ? { notes: outcome.notes } : {}),
  };
}

function waitForPool(delayMs: number): RecordOutcome {
  return {
    kind: 'again',
    delayMs,
    counts: false,
    code: 'WAITING_FOR_POOL',
    message: 'every thread for costly work is busy',
  };
}

/** A rejected record whose rejection is to be reported to its source. */
interface Rejection {
  readonly record: OpenRecord;
  readonly outcome: RecordOutcome;
  readonly reject: NonNullable<ApiPort['reject']>;
}

/**
 * Prepares the report of a rejected record to its source: reserves a slot, or returns an outcome that waits for one.
 * Undefined where nothing is reported: for other entities, and in a run that writes nothing.
 */
function rejectionOf(
  deps: ApiStageDeps,
  { context: { plan, run }, entity, name }: Group,
  record: OpenRecord,
  outcome: RecordOutcome,
): Rejection | RecordOutcome | undefined {
  if (entity.api === undefined || run.dryRun) return undefined;
  const { reject } = deps.apis(plan, run, name);
  if (reject === undefined) return undefined;
  const waitMs = deps.limiter.reserve();
  return waitMs === undefined ? { record, outcome, reject } : waitForApi(waitMs);
}

/** Reports the rejection to the source, then settles the record as rejected. */
function rejectRecord(deps: ApiStageDeps, { record, outcome, reject }: Rejection): Promise<RecordResult> {
  return runLeased(deps, 'transform', record, async (leased) => {
    try {
      const { sourceId, raw = {} } = record;
      await reject({ sourceId, raw }, createEffects(deps.effects, leased, deps.worker));
    } catch (thrown) {
      if (thrown instanceof LeaseLostError || isRetriable(deps, record, thrown)) throw thrown;
      // The record is rejected for its own reason, although that could not be reported to its source.
    }
    return outcome;
  });
}

function isRetriable(deps: ApiStageDeps, { attempts }: OpenRecord, thrown: unknown): boolean {
  const error = toDroverError(thrown);
  if (error.class === 'data') return false;
  return error.class !== 'transient' || attempts + 1 < deps.maxAttempts;
}
