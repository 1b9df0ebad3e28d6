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

/** A record with its references filled in, ready to be sent. */
export interface ApiLoadWork {
  readonly group: Group;
  readonly record: OpenRecord;
  readonly row: JsonObject;
  /** It was started before in this run: the result of that attempt has to be found out first. */
  readonly begunBefore: boolean;
}

/** Reserves slots for the ready records of a group: those with a slot are processed one by one, the others wait in the ledger. */
export async function reserveApiRecords(
  deps: ApiLoadDeps,
  group: Group,
  ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[],
  deferred: Map<string, ApiLoadWork>,
): Promise<ReadonlyMap<string, RecordOutcome | 'deferred'>> {
  const outcomes = new Map<string, RecordOutcome | 'deferred'>();
  const { run } = group.context;
  const ids = ready.map(({ record }) => record.sourceId);
  const begun = await deps.effects.startedSourceIds(run.id, group.name, ids);
  for (const { record, row } of ready) {
    const waitMs = deps.limiter.reserve();
    outcomes.set(record.id, waitMs === undefined ? 'deferred' : waitForApi(waitMs));
    if (waitMs === undefined) deferred.set(record.id, { group, record, row, begunBefore: begun.has(record.sourceId) });
  }
  announce(deps, group, ready, deferred);
  return outcomes;
}

/** They wait for their turn in this process: the port may look them up in groups meanwhile, also with one record a job. */
function announce(
  deps: ApiLoadDeps,
  group: Group,
  ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[],
  deferred: ReadonlyMap<string, ApiLoadWork>,
): void {
  const { run, plan } = group.context;
  const waiting = ready.filter(({ record }) => deferred.get(record.id)?.begunBefore === false);
  if (waiting.length === 0) return;
  deps.apis(plan, run, group.name).announce?.(waiting.map(({ record, row }) => ({ sourceId: record.sourceId, row })));
}

/** Claims the record, writes it through its port, stores the created objects in the target's table, and writes its outcome. */
export function loadApiRecord(deps: ApiLoadDeps, work: ApiLoadWork): Promise<RecordResult> {
  return runLeased(deps, 'load', work.record, (leased) => writeToApi(deps, work, leased));
}

async function writeToApi(
  deps: ApiLoadDeps,
  work: ApiLoadWork,
  leased: LeasedRecord,
): Promise<RecordOutcome | undefined> {
  const { run, plan } = work.group.context;
  const port = deps.apis(plan, run, work.group.name);
  // The payload is read here, when it is the record's turn: it may be large.
  const [opened] = await deps.ledger.open('load', [work.record], { raw: true, clean: false });
  if (opened === undefined) {
    // The run is stopping since the record waited. The lease ends here, or the next worker's claim would be refused.
    await deps.ledger.release([work.record], leased.token);
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
  const result = await port.write(record, options, createEffects(deps.effects, leased, deps.worker));
  return result.kind === 'refused' ? refusedOutcome(result) : saveApiResult(deps, work, result);
}

/** Stores the state of the API object in the target's table, and its hash in the ledger for later comparison. */
async function saveApiResult(
  deps: ApiLoadDeps,
  work: ApiLoadWork,
  result: Exclude<ApiResult, ApiRefusal>,
): Promise<RecordOutcome> {
  const { group, record } = work;
  const row = { ...work.row, ...result.answered };
  const targetId = record.targetId ?? targetIdOf(group.context.plan.name, group.name, record.sourceId);
  // Objects that were left unchanged are not stored, so there is no row to name.
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
      return skippedOutcome('UNCHANGED', 'the API has this already', loaded.targetId);
    case 'inserted':
    case 'updated': {
      const clean = { ...record.clean, row, notes: [...(record.clean?.notes ?? []), ...notes] };
      return { kind: 'next', stage: 'reconcile', targetId: loaded.targetId, hash, clean };
    }
    default:
      throw new DroverError('INTERNAL', `the table of API objects returned ${loaded.kind}`);
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
