import { backoff } from '../../backoff.ts';
import { DroverError, toDroverError } from '../../errors.ts';
import type { Entity, Reference, Source, SourceRecord, TransformOutcome } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { fingerprint } from '../ledger/hashes.ts';
import { referenceKey } from '../ledger/references.ts';
import { replaceUnstorable, storableKey } from '../ledger/source-ids.ts';
import type {
  ExtractionJob,
  Ledger,
  OpenRecord,
  PageToStore,
  RecordOutcome,
  RecordRef,
  Run,
  RunEntity,
  SourceFactory,
} from '../ledger/types.ts';
import { entityOf, type RunContext } from '../runs/context.ts';
import type { RunStore } from '../runs/store.ts';
import { chooseTrialRecords, isTrial, type TrialCandidate } from '../trial/trial.ts';
import { type Group, type GroupOutcomes, type RecordResult, runStage, type StageDeps } from './stage.ts';
import { storableReferences, transformRecord } from './transform.ts';

export interface ExtractionCheckpoint {
  readonly cursor: Json | null;
  readonly pages: number;
  /** ISO 8601, UTC. */
  readonly at: string;
}

export interface ExtractDeps extends StageDeps {
  readonly store: RunStore;
  readonly source: SourceFactory;
  /** Publishes the position of an extraction for live progress; the ledger keeps the authoritative one. */
  readonly saveCheckpoint: (runId: string, entity: string, checkpoint: ExtractionCheckpoint) => Promise<void>;
  /** How long one job reads before another entity may take its slot, in milliseconds. */
  readonly sliceMs: number;
  /** Reading pauses while more records of the entity than this wait for their transform. */
  readonly highWater: number;
}

/** Reads pages of one entity until the slice or the source ends, or the run is to stop. */
export async function extractEntity(deps: ExtractDeps, job: ExtractionJob, signal: AbortSignal): Promise<void> {
  const extraction = await deps.store.extraction(job.runId, job.entity);
  if (!extraction || extraction.epoch !== job.epoch || extraction.status !== 'reading') return;
  try {
    await readSlice(deps, extraction, signal);
  } catch (thrown) {
    await handleReadError(deps, extraction, toDroverError(thrown));
  }
}

/** Fetches single records by their source ids: those that an operator enqueued or replayed. */
export function createExtractStage(deps: ExtractDeps, signal: AbortSignal) {
  return (refs: readonly RecordRef[]): Promise<RecordResult[]> =>
    runStage(deps, 'extract', { raw: true, clean: false }, refs, (group) => fetchGroup(deps, group, signal));
}

async function readSlice(deps: ExtractDeps, extraction: RunEntity, signal: AbortSignal): Promise<void> {
  const { runId, entity, epoch } = extraction;
  const context = await deps.contexts.get(runId);
  const { run, plan } = context;
  if (await parentsStillLoading(deps, context, entity)) return deps.store.yieldExtraction(runId, entity, epoch, 300);
  const source = deps.source(plan, run, entity);
  if (isTrial(run)) return readTrial(deps, context, extraction, source, signal);
  await countSource(deps, run, extraction, source, signal);
  const until = Date.now() + deps.sliceMs;
  let cursor = extraction.cursor;
  let pages = extraction.pages;
  while (Date.now() < until && !signal.aborted && (await deps.contexts.get(runId)).run.status === 'running') {
    if (await isBacklogFull(deps, runId, entity)) return deps.store.yieldExtraction(runId, entity, epoch, 500);
    const page = await source.read(cursor, run.scope, signal);
    cursor = page.cursor;
    const records = deduplicate(page.records.map(toStorable), run, source.immutable === true);
    const stored = await deps.ledger.storePage(runId, entity, epoch, {
      records,
      repeated: page.records.length - records.length,
      cursor,
      watermark: page.watermark ?? null,
      immutable: source.immutable === true,
    });
    if (!stored) return;
    pages += 1;
    await deps.saveCheckpoint(runId, entity, { cursor, pages, at: new Date().toISOString() });
    if (cursor === null) return endExtraction(deps, run, extraction, source, signal);
  }
  await deps.store.yieldExtraction(runId, entity, epoch, 0);
}

/** True while rows that the entity's source reads from the target may still be loaded in this run. */
async function parentsStillLoading(
  deps: ExtractDeps,
  { run, plan, entities }: RunContext,
  entity: string,
): Promise<boolean> {
  for (const parent of entityOf(plan, entity).readsAfter ?? []) {
    if (!entities.has(parent)) continue;
    // Read again: the cached context is up to 300 ms old, which would delay every level of the hierarchy.
    if ((await deps.store.extraction(run.id, parent))?.status !== 'done') return true;
    const counts = await deps.store.counts(run.id, parent);
    if (counts.some(({ status, stage, n }) => status === 'pending' && stage !== 'reconcile' && n > 0)) return true;
  }
  return false;
}

/** A trial is read at once and stored as one page: a worker that is lost in between leaves nothing behind. */
async function readTrial(
  deps: ExtractDeps,
  context: RunContext,
  extraction: RunEntity,
  source: Source,
  signal: AbortSignal,
): Promise<void> {
  const { runId, entity, epoch } = extraction;
  if (waitsForParents(context, entity)) return deps.store.yieldExtraction(runId, entity, epoch, 300);
  const taken = await trialRecords(deps, context, extraction, source, { ms: Date.now() + deps.sliceMs, signal });
  if (signal.aborted) return deps.store.yieldExtraction(runId, entity, epoch, 0);
  const immutable = source.immutable === true;
  const records = deduplicate(taken.map(toStorable), context.run, immutable);
  const page = { records, repeated: 0, cursor: null, watermark: null, immutable };
  const stored = await deps.ledger.storePage(runId, entity, epoch, page);
  if (stored) await deps.store.finishExtraction(runId, entity, epoch, null);
}

async function countSource(
  deps: ExtractDeps,
  run: Run,
  extraction: RunEntity,
  source: Source,
  signal: AbortSignal,
): Promise<void> {
  if (extraction.sourceTotal !== null || !source.count) return;
  const total = await source.count(run.scope, signal);
  if (total !== undefined) await deps.store.setSourceTotal(run.id, extraction.entity, total);
}

/** Limits how many records wait in PostgreSQL for their transform, so that reading does not outrun the work. */
async function isBacklogFull(deps: ExtractDeps, runId: string, entity: string): Promise<boolean> {
  const { run } = await deps.contexts.get(runId);
  if (run.exportOnly) return false;
  const counts = await deps.store.counts(runId, entity);
  const waiting = counts.find((count) => count.stage === 'transform' && count.status === 'pending');
  return (waiting?.n ?? 0) > deps.highWater;
}

/**
 * Accepts the end of a source only when it returned as many records as it counts. Otherwise it is read once more from the
 * beginning (rows move between pages while they are read); then the shortfall is reported.
 */
async function endExtraction(
  deps: ExtractDeps,
  run: Run,
  extraction: RunEntity,
  source: Source,
  signal: AbortSignal,
): Promise<void> {
  const { entity, epoch } = extraction;
  const total = source.count ? await source.count(run.scope, signal) : undefined;
  if (total !== undefined) await deps.store.setSourceTotal(run.id, entity, total);
  const counts = await deps.store.counts(run.id, entity);
  const repeated = source.immutable ? ((await deps.store.extraction(run.id, entity))?.repeated ?? 0) : 0;
  // A file counts its rows, and the same row twice is one record; an API counts records.
  const read = counts.reduce((sum, count) => sum + count.n, 0) + repeated;
  if (total === undefined || read >= total) return deps.store.finishExtraction(run.id, entity, epoch, null);
  if (extraction.rescans === 0) {
    await deps.store.rescan(run.id, entity, epoch);
    return deps.store.yieldExtraction(run.id, entity, epoch, 0);
  }
  await deps.store.finishExtraction(run.id, entity, epoch, `the source counts ${total} ${entity} and gave ${read}`);
}

async function handleReadError(deps: ExtractDeps, extraction: RunEntity, error: DroverError): Promise<void> {
  const { runId, entity, epoch, attempts } = extraction;
  const isTemporary = error.class === 'transient' || error.class === 'throttled';
  const retry = isTemporary && (error.class === 'throttled' || attempts + 1 < deps.maxAttempts);
  const retryMs = error.retryAfterMs ?? backoff(attempts);
  await deps.store.failExtraction(runId, entity, epoch, {
    code: error.code,
    message: error.message,
    ...(retry ? { retryMs } : {}),
  });
  if (!retry)
    await deps.stopRun(
      runId,
      new DroverError(error.code, `${entity}: ${error.message}`, { cause: error, remedy: error.remedy }),
    );
}

// PostgreSQL's jsonb takes neither a zero byte nor a lone surrogate; JSON writes both as escapes.
const unstorablePattern = /\\u0000|\\ud[89a-f]/i;

/** The record as PostgreSQL can store it: characters it cannot hold become U+FFFD, so that one bad text never stops a page. */
function toStorable({ sourceId, raw }: SourceRecord): SourceRecord {
  const key = storableKey(sourceId);
  if (!unstorablePattern.test(JSON.stringify(raw))) return { sourceId: key, raw };
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return replaceUnstorable(value);
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [replaceUnstorable(name), walk(item)]));
  };
  return { sourceId: key, raw: walk(raw) as JsonObject };
}

/** One record for each id; a record without an id, or with an id and other content, is stored under a name of its own and rejected. */
function deduplicate(records: readonly SourceRecord[], run: Run, immutable: boolean): PageToStore['records'] {
  const seen = new Map<string, string>();
  const result: PageToStore['records'][number][] = [];
  for (const { sourceId, raw } of records) {
    const print = fingerprint(raw, 16);
    const known = seen.get(sourceId);
    if (sourceId === '') {
      result.push({ sourceId: `#${print}`, raw, fingerprint: print, end: missingId });
    } else if (known === undefined) {
      seen.set(sourceId, print);
      result.push({ sourceId, raw, fingerprint: print, ...(run.exportOnly ? { end: exportOnly } : {}) });
    } else if (known !== print && immutable) {
      const message = `another record carries the id ${sourceId} with other content`;
      result.push({
        sourceId: `${sourceId}#${print}`,
        raw,
        fingerprint: print,
        end: { status: 'rejected', code: 'DUPLICATE_ID', message },
      });
    }
  }
  return result;
}

const missingId = { status: 'rejected', code: 'MISSING_ID', message: 'the record has no id' } as const;
const exportOnly = { status: 'skipped', code: 'EXPORTED', message: 'export only' } as const;

async function fetchGroup(deps: ExtractDeps, group: Group, signal: AbortSignal): Promise<GroupOutcomes> {
  const { run, plan } = group.context;
  const source = deps.source(plan, run, group.name);
  const found = new Map<string, SourceRecord>();
  const ids = group.records.map((record) => record.sourceId);
  for (let cursor = null, first = true; first || cursor !== null; first = false) {
    const page = await source.read(cursor, { ids }, signal);
    for (const record of page.records) found.set(storableKey(record.sourceId), record);
    cursor = page.cursor as null;
  }
  return new Map(
    group.records.map((record): [string, RecordOutcome] => [
      record.id,
      fetchOutcome(found.get(record.sourceId), record),
    ]),
  );
}

function fetchOutcome(found: SourceRecord | undefined, record: OpenRecord): RecordOutcome {
  if (found) return { kind: 'next', stage: 'transform', raw: toStorable(found).raw };
  // Enqueued with its content, or removed from the source since: the stored payload is used.
  if (record.raw) return { kind: 'next', stage: 'transform' };
  return { kind: 'end', status: 'rejected', code: 'NOT_IN_SOURCE', message: 'the source has no record with this id' };
}

// Children of records in the trial are searched among this many times as many records.
const scanFactor = 20;
const maxScanned = 20_000;

/** True while a parent is still being read: children are chosen by the parents that were read. */
function waitsForParents({ plan, entities }: RunContext, entity: string): boolean {
  return entityOf(plan, entity).dependsOn.some((parent) => entities.get(parent)?.status === 'reading');
}

/**
 * The records of one entity that a trial takes. Reads until there are enough records whose parents are in the trial, the
 * source ends, or the time is up; at least as many records as wanted are read.
 */
async function trialRecords(
  deps: { readonly ledger: Pick<Ledger, 'resolve'> },
  { run, plan }: RunContext,
  { entity }: Pick<RunEntity, 'entity'>,
  source: Source,
  until: { readonly ms: number; readonly signal: AbortSignal },
): Promise<readonly SourceRecord[]> {
  const n = run.scope.trial ?? 0;
  const definition = entityOf(plan, entity);
  const candidates: TrialCandidate<SourceRecord>[] = [];
  const seen = new Set<string>();
  let cursor: Json | null = null;
  do {
    const page = await source.read(cursor, run.scope, until.signal);
    cursor = page.cursor;
    const unseen = page.records.filter(({ sourceId }) => sourceId === '' || seen.size < seen.add(sourceId).size);
    candidates.push(...(await classifyRecords(deps, run, definition, entity, unseen)));
  } while (cursor !== null && !hasEnough(candidates, n, Date.now() > until.ms) && !until.signal.aborted);
  return chooseTrialRecords(candidates, n);
}

function hasEnough(candidates: readonly TrialCandidate<SourceRecord>[], n: number, late: boolean): boolean {
  if (candidates.length < n) return false;
  const placed = candidates.filter(({ kind }) => kind !== 'unplaced').length;
  return late || placed >= n || candidates.length >= Math.min(Math.max(n * scanFactor, 1_000), maxScanned);
}

async function classifyRecords(
  deps: { readonly ledger: Pick<Ledger, 'resolve'> },
  run: Run,
  definition: Entity,
  entity: string,
  records: readonly SourceRecord[],
): Promise<TrialCandidate<SourceRecord>[]> {
  const outcomes = records.map(({ raw, sourceId }) => transformRecord(definition, raw, sourceId, run.params));
  const wanted = outcomes.flatMap(parentsOf).filter((parent) => parent.entity !== entity);
  const resolutions = await deps.ledger.resolve(run, wanted);
  const exists = (parent: Reference): boolean => {
    const resolution = resolutions.get(referenceKey(parent.entity, parent.sourceId));
    // Records of the same entity are being chosen now and are not stored yet.
    return parent.entity === entity || (resolution !== undefined && resolution.kind !== 'absent');
  };
  return records.map((item, index): TrialCandidate<SourceRecord> => {
    const outcome = outcomes[index];
    // Rejected only because other records are missing: used when there are no better ones.
    if (outcome?.kind === 'reject' && outcome.missingDependency) return { item, kind: 'unplaced' };
    if (outcome?.kind !== 'row') return { item, kind: 'settled' };
    return { item, kind: parentsOf(outcome).every(exists) ? 'placed' : 'unplaced' };
  });
}

function parentsOf(outcome: TransformOutcome): readonly Reference[] {
  return outcome.kind === 'row' ? Object.values(storableReferences(outcome.references) ?? {}) : [];
}
