import { DroverError } from '../../errors.ts';
import type { ApiRecord, ApiRefusal, ApiResult } from '../../plan/api-target.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { LoadResult, TargetPort } from '../../plan/target.ts';
import { createEffects, type Held } from '../api-effects/effects.ts';
import { rowHash, targetIdOf } from '../ledger/hashes.ts';
import type { OpenRecord, Verdict } from '../ledger/types.ts';
import { targetScope } from '../runs/context.ts';
import { type ApiDeps, apiTurn, later } from './api-record.ts';
import { type Group, purged, type StageResult } from './stage.ts';

export interface ApiLoadDeps extends ApiDeps {
  readonly target: TargetPort;
}

/** A record with its references filled in, ready to go. */
export interface ApiWork {
  readonly group: Group;
  readonly record: OpenRecord;
  readonly row: JsonObject;
  /** It was begun before in this run: what became of it is to be found out first. */
  readonly again: boolean;
}

/** Ready records of a group: those that have a place are worked on one by one, the others wait in the ledger. */
export async function apiGroup(
  deps: ApiLoadDeps,
  group: Group,
  ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[],
  works: Map<string, ApiWork>,
): Promise<ReadonlyMap<string, Verdict | 'kept'>> {
  const verdicts = new Map<string, Verdict | 'kept'>();
  const { run } = group.context;
  const ids = ready.map(({ record }) => record.sourceId);
  const begun = await deps.effects.begun(run.id, group.name, ids);
  for (const { record, row } of ready) {
    const waitMs = deps.lanes.reserve();
    verdicts.set(record.id, waitMs === undefined ? 'kept' : later(waitMs));
    if (waitMs === undefined) works.set(record.id, { group, record, row, again: begun.has(record.sourceId) });
  }
  return verdicts;
}

/** Claims the record, writes it through its port, keeps what was made in the target's table, and finishes it. */
export function apiRecord(deps: ApiLoadDeps, work: ApiWork): Promise<StageResult> {
  return apiTurn(deps, 'load', work.record, (held) => written(deps, work, held));
}

async function written(deps: ApiLoadDeps, work: ApiWork, held: Held): Promise<Verdict | undefined> {
  const { run, plan } = work.group.context;
  const port = deps.apis(plan, run, work.group.name);
  // What the source said is read here, for those that have their turn: a payload may be large.
  const [opened] = await deps.ledger.open('load', [work.record], { raw: true, clean: false });
  if (opened === undefined) {
    // The run was asked to stop while the record waited. Our lease ends with it, or who gets it next would be turned away.
    await deps.ledger.release([work.record], held.token);
    return undefined;
  }
  if (opened.raw === undefined) return purged;
  const record: ApiRecord = { sourceId: opened.sourceId, raw: opened.raw, row: work.row, mayHaveBeenSent: work.again };
  const options = { skipExisting: run.skipExisting };
  if (run.dryRun) return foreseen(await port.preview(record, options));
  const result = await port.write(record, options, createEffects(deps.effects, held, deps.worker));
  return result.kind === 'refused' ? refused(result) : kept(deps, work, result);
}

/** The target's table keeps what is at the API now, and the ledger what it is compared with. */
async function kept(deps: ApiLoadDeps, work: ApiWork, result: Exclude<ApiResult, ApiRefusal>): Promise<Verdict> {
  const { group, record } = work;
  const row = { ...work.row, ...result.answered };
  const targetId = record.targetId ?? targetIdOf(group.context.plan.name, group.name, record.sourceId);
  // Nothing is kept of what was left alone, so there is no row that could be named.
  if (result.kind === 'exists') return skipped('EXISTS', result.message);
  const hash = rowHash(group.entity, row);
  const changed = result.kind !== 'unchanged';
  const [loaded] = await deps.target.load(
    targetScope(group.context.run, group.context.plan, group.name),
    [{ sourceId: record.sourceId, targetId, row, hash, forceWrite: changed }],
    { dryRun: false, skipExisting: false },
  );
  return landed(loaded as LoadResult, work, row, hash, result.notes ?? []);
}

function landed(
  loaded: LoadResult,
  { record }: ApiWork,
  row: JsonObject,
  hash: string,
  notes: readonly string[],
): Verdict {
  switch (loaded.kind) {
    case 'unchanged':
      return skipped('UNCHANGED', 'the API holds this already', loaded.targetId);
    case 'inserted':
    case 'updated': {
      const clean = { ...record.clean, row, notes: [...(record.clean?.notes ?? []), ...notes] };
      return { kind: 'next', stage: 'reconcile', targetId: loaded.targetId, hash, clean };
    }
    default:
      throw new DroverError('INTERNAL', `the table of what was made answers ${loaded.kind}`);
  }
}

const foreseenCodes = {
  created: 'WOULD_INSERT',
  updated: 'WOULD_UPDATE',
  repriced: 'WOULD_REPRICE',
  unchanged: 'UNCHANGED',
  exists: 'EXISTS',
} as const;

function foreseen(result: ApiResult): Verdict {
  return result.kind === 'refused' ? refused(result) : skipped(foreseenCodes[result.kind], result.message);
}

function refused({ code, message, field }: ApiRefusal): Verdict {
  return { kind: 'end', status: 'rejected', code, message, ...(field === undefined ? {} : { field }) };
}

function skipped(code: string, message: string, targetId?: string): Verdict {
  return { kind: 'end', status: 'skipped', code, message, ...(targetId === undefined ? {} : { targetId }) };
}
