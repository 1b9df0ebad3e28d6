import { randomUUID } from 'node:crypto';
import { toDroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { EnrichTools, Entity, RejectOutcome, RowOutcome, TransformOutcome } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { createEffects, Fenced } from '../api-effects/effects.ts';
import type { CleanRecord, OpenRecord, RecordRef, Verdict } from '../ledger/types.ts';
import { isTrial, notJudgedCode } from '../trial/trial.ts';
import { type ApiDeps, apiTurn, later } from './api-record.ts';
import { failedTry, finish, type Group, leased, resultOf, runStage, type StageResult } from './stage.ts';

/** The thread pool for costly work, as the stage sees it. */
export interface EnrichPool extends EnrichTools {
  /** Takes a place for one record, or answers how many milliseconds to wait for one. */
  reserve(): number | undefined;
  /** Gives a place back. */
  free(): void;
}

export interface TransformDeps extends ApiDeps {
  readonly enrich: EnrichPool;
}

interface Costly {
  readonly record: OpenRecord;
  readonly entity: Entity;
  readonly outcome: RowOutcome;
}

/** Records that are worked on one by one when the rest of their job is done. */
interface Apart {
  readonly costly: Map<string, Costly>;
  readonly rejected: Map<string, Rejection>;
}

/**
 * Raw to clean: checks the shape, maps the fields, sets money and merge keys. Records whose row needs costly work
 * (bcrypt) are claimed and finished one by one when the pool is through, and hold up nobody else; those that find the
 * pool full go back to wait in the ledger. So are rejected records whose source is told that they are.
 */
export function createTransformStage(deps: TransformDeps) {
  return async (refs: readonly RecordRef[]): Promise<(StageResult | Promise<StageResult>)[]> => {
    const apart: Apart = { costly: new Map(), rejected: new Map() };
    const want = { raw: true, clean: false };
    const work = async (group: Group) => transformGroup(deps, group, apart);
    const quick = await runStage(deps, 'transform', want, refs, work).catch((thrown) => {
      // Nobody will take these up; their places are for others.
      for (const _costly of apart.costly.values()) deps.enrich.free();
      for (const _rejection of apart.rejected.values()) deps.lanes.free();
      throw thrown;
    });
    return refs.map((ref, index) => {
      const costly = apart.costly.get(ref.id);
      if (costly) return enrichRecord(deps, costly);
      const rejection = apart.rejected.get(ref.id);
      return rejection ? rejectRecord(deps, rejection) : (quick[index] as StageResult);
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

function transformGroup(deps: TransformDeps, group: Group, apart: Apart): Map<string, Verdict | 'kept'> {
  const verdicts = new Map<string, Verdict | 'kept'>();
  for (const record of group.records) {
    const outcome = transformRecord(group.entity, record.raw ?? {}, record.sourceId, group.context.run.params);
    if (outcome.kind === 'reject') {
      const verdict = lacksInTrial(group, outcome) ? unjudged(outcome) : rejected(deps, group, record, outcome, apart);
      verdicts.set(record.id, verdict);
      continue;
    }
    if (outcome.kind !== 'row' || outcome.enrich === undefined || group.context.run.dryRun) {
      verdicts.set(record.id, verdictOf(outcome));
      continue;
    }
    const waitMs = deps.enrich.reserve();
    if (waitMs === undefined) apart.costly.set(record.id, { record, entity: group.entity, outcome });
    verdicts.set(record.id, waitMs === undefined ? 'kept' : transformLater(waitMs));
  }
  return verdicts;
}

function rejected(
  deps: TransformDeps,
  group: Group,
  record: OpenRecord,
  outcome: TransformOutcome,
  apart: Apart,
): Verdict | 'kept' {
  const verdict = verdictOf(outcome);
  const rejection = rejectionOf(deps, group, record, verdict) ?? verdict;
  if ('kind' in rejection) return rejection;
  apart.rejected.set(record.id, rejection);
  return 'kept';
}

function lacksInTrial({ context }: Group, { missingDependency: lacking }: RejectOutcome): boolean {
  return lacking === true && isTrial(context.run);
}

function unjudged({ code, message, money }: RejectOutcome): Verdict {
  const said = `a whole run may know better, for a trial leaves most records out: ${code}: ${message}`;
  return { kind: 'end', status: 'skipped', code: notJudgedCode, message: said, ...(money ? { money } : {}) };
}

async function enrichRecord(deps: TransformDeps, work: Costly): Promise<StageResult> {
  const { record, entity, outcome } = work;
  const token = randomUUID();
  try {
    const granted = await deps.ledger.claim([record], token, deps.leaseMs);
    if (granted.length === 0) return leased(deps, record);
    const verdict = await enriched(deps, entity, record, outcome);
    const counted = await finish(deps, 'transform', [record], new Map([[record.id, verdict]]), token);
    return resultOf(counted.get(record.id));
  } finally {
    deps.enrich.free();
  }
}

async function enriched(
  deps: TransformDeps,
  entity: Entity,
  record: OpenRecord,
  outcome: RowOutcome,
): Promise<Verdict> {
  if (!entity.enrich || outcome.enrich === undefined) return verdictOf(outcome);
  try {
    const row = await entity.enrich(outcome.row, outcome.enrich, deps.enrich);
    return verdictOf({ ...outcome, row });
  } catch (thrown) {
    return failedTry(record, toDroverError(thrown));
  }
}

function verdictOf(outcome: TransformOutcome): Verdict {
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

function transformLater(delayMs: number): Verdict {
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
  readonly verdict: Verdict;
  readonly reject: NonNullable<ApiPort['reject']>;
}

/**
 * What becomes of a rejected record of an entity whose source is told: a place among those on their way, or a wait for
 * one. Undefined where nobody is told: of other entities, and in a run that writes nothing.
 */
function rejectionOf(
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
function rejectRecord(deps: ApiDeps, { record, verdict, reject }: Rejection): Promise<StageResult> {
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
