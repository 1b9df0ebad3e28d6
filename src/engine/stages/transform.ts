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

/** The thread pool for costly work, as the stage sees it. */
export interface EnrichPool extends EnrichTools {
  /** Takes a place for one record, or answers how many milliseconds to wait for one. */
  reserve(): number | undefined;
  /** Gives a place back. */
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

/** Records that are worked on one by one when the rest of their job is done. */
interface DeferredRecords {
  readonly costly: Map<string, EnrichWork>;
  readonly rejected: Map<string, Rejection>;
}

/**
 * Raw to clean: checks the shape, maps the fields, sets money and merge keys. Records whose row needs costly work
 * (bcrypt) are claimed and finished one by one when the pool is through, and hold up nobody else; those that find the
 * pool full go back to wait in the ledger. So are rejected records whose source is told that they are.
 */
export function createTransformStage(deps: TransformDeps) {
  return async (refs: readonly RecordRef[]): Promise<(RecordResult | Promise<RecordResult>)[]> => {
    const apart: DeferredRecords = { costly: new Map(), rejected: new Map() };
    const want = { raw: true, clean: false };
    const work = async (group: Group) => transformGroup(deps, group, apart);
    const quick = await runStage(deps, 'transform', want, refs, work).catch((thrown) => {
      // Nobody will take these up; their places are for others.
      for (const _costly of apart.costly.values()) deps.enrich.release();
      for (const _rejection of apart.rejected.values()) deps.limiter.release();
      throw thrown;
    });
    return refs.map((ref, index) => {
      const costly = apart.costly.get(ref.id);
      if (costly) return enrichRecord(deps, costly);
      const rejection = apart.rejected.get(ref.id);
      return rejection ? rejectRecord(deps, rejection) : (quick[index] as RecordResult);
    });
  };
}

/** The transform as the engine calls it: shape first; a plan that throws rejects its record and not the run. */
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
  apart: DeferredRecords,
): Map<string, RecordOutcome | 'kept'> {
  const verdicts = new Map<string, RecordOutcome | 'kept'>();
  for (const record of group.records) {
    const outcome = transformRecord(group.entity, record.raw ?? {}, record.sourceId, group.context.run.params);
    if (outcome.kind === 'reject') {
      const verdict = lacksInTrial(group, outcome)
        ? notJudgedOutcome(outcome)
        : rejectOrDefer(deps, group, record, outcome, apart);
      verdicts.set(record.id, verdict);
      continue;
    }
    if (outcome.kind !== 'row' || outcome.enrich === undefined || group.context.run.dryRun) {
      verdicts.set(record.id, toRecordOutcome(outcome));
      continue;
    }
    const waitMs = deps.enrich.reserve();
    if (waitMs === undefined) apart.costly.set(record.id, { record, entity: group.entity, outcome });
    verdicts.set(record.id, waitMs === undefined ? 'kept' : waitForPool(waitMs));
  }
  return verdicts;
}

function rejectOrDefer(
  deps: TransformDeps,
  group: Group,
  record: OpenRecord,
  outcome: TransformOutcome,
  apart: DeferredRecords,
): RecordOutcome | 'kept' {
  const verdict = toRecordOutcome(outcome);
  const rejection = rejectionOf(deps, group, record, verdict) ?? verdict;
  if ('kind' in rejection) return rejection;
  apart.rejected.set(record.id, rejection);
  return 'kept';
}

function lacksInTrial({ context }: Group, { missingDependency: lacking }: RejectOutcome): boolean {
  return lacking === true && isTrial(context.run);
}

function notJudgedOutcome({ code, message, money }: RejectOutcome): RecordOutcome {
  const said = `a whole run may know better, for a trial leaves most records out: ${code}: ${message}`;
  return { kind: 'end', status: 'skipped', code: notJudgedCode, message: said, ...(money ? { money } : {}) };
}

async function enrichRecord(deps: TransformDeps, work: EnrichWork): Promise<RecordResult> {
  const { record, entity, outcome } = work;
  const token = randomUUID();
  try {
    const granted = await deps.ledger.claim([record], token, deps.leaseMs);
    if (granted.length === 0) return releaseLeasedRecord(deps, record);
    const verdict = await enrichOutcome(deps, entity, record, outcome);
    const counted = await completeRecords(deps, 'transform', [record], new Map([[record.id, verdict]]), token);
    return toRecordResult(counted.get(record.id));
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

/** The part of an outcome the ledger keeps; what `enrich` was given is a secret and is not. */
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

/** A record that its transform rejects, and whose source is to be told so. */
interface Rejection {
  readonly record: OpenRecord;
  readonly outcome: RecordOutcome;
  readonly reject: NonNullable<ApiPort['reject']>;
}

/**
 * What becomes of a rejected record of an entity whose source is told: a place among those on their way, or a wait for
 * one. Undefined where nobody is told: of other entities, and in a run that writes nothing.
 */
function rejectionOf(
  deps: ApiStageDeps,
  { context: { plan, run }, entity, name }: Group,
  record: OpenRecord,
  verdict: RecordOutcome,
): Rejection | RecordOutcome | undefined {
  if (entity.api === undefined || run.dryRun) return undefined;
  const { reject } = deps.apis(plan, run, name);
  if (reject === undefined) return undefined;
  const waitMs = deps.limiter.reserve();
  return waitMs === undefined ? { record, outcome: verdict, reject } : waitForApi(waitMs);
}

/** Tells the source, then ends the record as it was rejected. */
function rejectRecord(deps: ApiStageDeps, { record, outcome: verdict, reject }: Rejection): Promise<RecordResult> {
  return runLeased(deps, 'transform', record, async (held) => {
    try {
      const { sourceId, raw = {} } = record;
      await reject({ sourceId, raw }, createEffects(deps.effects, held, deps.worker));
    } catch (thrown) {
      if (thrown instanceof LeaseLostError || isRetriable(deps, record, thrown)) throw thrown;
      // The record is rejected all the same, for its own reason: that its source could not be told is the smaller one.
    }
    return verdict;
  });
}

function isRetriable(deps: ApiStageDeps, { attempts }: OpenRecord, thrown: unknown): boolean {
  const error = toDroverError(thrown);
  if (error.class === 'data') return false;
  return error.class !== 'transient' || attempts + 1 < deps.maxAttempts;
}
