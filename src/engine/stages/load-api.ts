import { DroverError } from '../../errors.ts';
import type { ApiRecord, ApiRefusal, ApiResult } from '../../plan/api-target.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { LoadResult, TargetPort } from '../../plan/target.ts';
import { createEffects, type LeasedRecord } from '../api-effects/effects.ts';
import { rowHash, targetIdOf } from '../ledger/hashes.ts';
import type { OpenRecord, RecordOutcome } from '../ledger/types.ts';
import { targetScope } from '../runs/context.ts';
import { type ApiStageDeps, runLeased, waitForApi } from './api-record.ts';
import { type Group, payloadsPurged, type RecordResult } from './stage.ts';

export interface ApiLoadDeps extends ApiStageDeps {
  readonly target: TargetPort;
}

/** A record with its references filled in, ready to go. */
export interface ApiLoadWork {
  readonly group: Group;
  readonly record: OpenRecord;
  readonly row: JsonObject;
  /** It was begun before in this run: what became of it is to be found out first. */
  readonly begunBefore: boolean;
}

/** Ready records of a group: those that have a place are worked on one by one, the others wait in the ledger. */
export async function reserveApiRecords(
  deps: ApiLoadDeps,
  group: Group,
  ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[],
  works: Map<string, ApiLoadWork>,
): Promise<ReadonlyMap<string, RecordOutcome | 'kept'>> {
  const verdicts = new Map<string, RecordOutcome | 'kept'>();
  const { run } = group.context;
  const ids = ready.map(({ record }) => record.sourceId);
  const begun = await deps.effects.startedSourceIds(run.id, group.name, ids);
  for (const { record, row } of ready) {
    const waitMs = deps.limiter.reserve();
    verdicts.set(record.id, waitMs === undefined ? 'kept' : waitForApi(waitMs));
    if (waitMs === undefined) works.set(record.id, { group, record, row, begunBefore: begun.has(record.sourceId) });
  }
  return verdicts;
}

/** Claims the record, writes it through its port, keeps what was made in the target's table, and finishes it. */
export function loadApiRecord(deps: ApiLoadDeps, work: ApiLoadWork): Promise<RecordResult> {
  return runLeased(deps, 'load', work.record, (held) => writeToApi(deps, work, held));
}

async function writeToApi(
  deps: ApiLoadDeps,
  work: ApiLoadWork,
  held: LeasedRecord,
): Promise<RecordOutcome | undefined> {
  const { run, plan } = work.group.context;
  const port = deps.apis(plan, run, work.group.name);
  // What the source said is read here, for those that have their turn: a payload may be large.
  const [opened] = await deps.ledger.open('load', [work.record], { raw: true, clean: false });
  if (opened === undefined) {
    // The run was asked to stop while the record waited. Our lease ends with it, or who gets it next would be turned away.
    await deps.ledger.release([work.record], held.token);
    return undefined;
  }
  if (opened.raw === undefined) return payloadsPurged;
  const record: ApiRecord = {
    sourceId: opened.sourceId,
    raw: opened.raw,
    row: work.row,
    mayHaveBeenSent: work.begunBefore,
  };
  const options = { skipExisting: run.skipExisting };
  if (run.dryRun) return dryRunOutcome(await port.preview(record, options));
  const result = await port.write(record, options, createEffects(deps.effects, held, deps.worker));
  return result.kind === 'refused' ? refusedOutcome(result) : saveApiResult(deps, work, result);
}

/** The target's table keeps what is at the API now, and the ledger what it is compared with. */
async function saveApiResult(
  deps: ApiLoadDeps,
  work: ApiLoadWork,
  result: Exclude<ApiResult, ApiRefusal>,
): Promise<RecordOutcome> {
  const { group, record } = work;
  const row = { ...work.row, ...result.answered };
  const targetId = record.targetId ?? targetIdOf(group.context.plan.name, group.name, record.sourceId);
  // Nothing is kept of what was left alone, so there is no row that could be named.
  if (result.kind === 'exists') return skippedOutcome('EXISTS', result.message);
  const hash = rowHash(group.entity, row);
  const changed = result.kind !== 'unchanged';
  const [loaded] = await deps.target.load(
    targetScope(group.context.run, group.context.plan, group.name),
    [{ sourceId: record.sourceId, targetId, row, hash, forceWrite: changed }],
    { dryRun: false, skipExisting: false },
  );
  return savedOutcome(loaded as LoadResult, work, row, hash, result.notes ?? []);
}

function savedOutcome(
  loaded: LoadResult,
  { record }: ApiLoadWork,
  row: JsonObject,
  hash: string,
  notes: readonly string[],
): RecordOutcome {
  switch (loaded.kind) {
    case 'unchanged':
      return skippedOutcome('UNCHANGED', 'the API holds this already', loaded.targetId);
    case 'inserted':
    case 'updated': {
      const clean = { ...record.clean, row, notes: [...(record.clean?.notes ?? []), ...notes] };
      return { kind: 'next', stage: 'reconcile', targetId: loaded.targetId, hash, clean };
    }
    default:
      throw new DroverError('INTERNAL', `the table of what was made answers ${loaded.kind}`);
  }
}

const dryRunCodes = {
  created: 'WOULD_INSERT',
  updated: 'WOULD_UPDATE',
  repriced: 'WOULD_REPRICE',
  unchanged: 'UNCHANGED',
  exists: 'EXISTS',
} as const;

function dryRunOutcome(result: ApiResult): RecordOutcome {
  return result.kind === 'refused' ? refusedOutcome(result) : skippedOutcome(dryRunCodes[result.kind], result.message);
}

function refusedOutcome({ code, message, field }: ApiRefusal): RecordOutcome {
  return { kind: 'end', status: 'rejected', code, message, ...(field === undefined ? {} : { field }) };
}

function skippedOutcome(code: string, message: string, targetId?: string): RecordOutcome {
  return { kind: 'end', status: 'skipped', code, message, ...(targetId === undefined ? {} : { targetId }) };
}
