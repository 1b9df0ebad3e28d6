import type { Entity, Reference, Source, SourceRecord, TransformOutcome } from '../../plan/contract.ts';
import type { Json } from '../../plan/json.ts';
import type { RunContext } from '../contexts.ts';
import { entityOf } from '../contexts.ts';
import type { Ledger, Run, RunEntity } from '../ports.ts';
import { chooseTrialRecords, type TrialCandidate } from '../trial/choose.ts';
import { transformRecord } from './transform.ts';

// A child whose parent was tried is looked for among this many times as many records.
const scanFactor = 20;
const mostScanned = 20_000;

/** True while a parent is still read: children are chosen by the parents there are. */
export function waitsForParents({ plan, entities }: RunContext, entity: string): boolean {
  return entityOf(plan, entity).dependsOn.some((parent) => entities.get(parent)?.status === 'reading');
}

/**
 * The records of one entity that a trial takes. Reads on for those that have their parents until there are enough, the
 * source is at its end, or the time is up; at least as many as are wanted are read.
 */
export async function trialRecords(
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
    const fresh = page.records.filter(({ sourceId }) => sourceId === '' || seen.size < seen.add(sourceId).size);
    candidates.push(...(await sorted(deps, run, definition, entity, fresh)));
  } while (cursor !== null && !enough(candidates, n, Date.now() > until.ms) && !until.signal.aborted);
  return chooseTrialRecords(candidates, n);
}

function enough(candidates: readonly TrialCandidate<SourceRecord>[], n: number, late: boolean): boolean {
  if (candidates.length < n) return false;
  const placed = candidates.filter(({ kind }) => kind !== 'unplaced').length;
  return late || placed >= n || candidates.length >= Math.min(Math.max(n * scanFactor, 1_000), mostScanned);
}

async function sorted(
  deps: { readonly ledger: Pick<Ledger, 'resolve'> },
  run: Run,
  definition: Entity,
  entity: string,
  records: readonly SourceRecord[],
): Promise<TrialCandidate<SourceRecord>[]> {
  const outcomes = records.map(({ raw, sourceId }) => transformRecord(definition, raw, sourceId, run.params));
  const wanted = outcomes.flatMap(parentsOf).filter((parent) => parent.entity !== entity);
  const stands = await deps.ledger.resolve(run, wanted);
  const isThere = (parent: Reference): boolean => {
    const stand = stands.get(`${parent.entity}\u0000${parent.sourceId}`);
    // Its own kind is chosen at this moment; nobody knows yet.
    return parent.entity === entity || (stand !== undefined && stand.kind !== 'absent');
  };
  return records.map((item, index): TrialCandidate<SourceRecord> => {
    const outcome = outcomes[index];
    // What only lacks others says nothing: it is tried where nothing better is there.
    if (outcome?.kind === 'reject' && outcome.missingDependency) return { item, kind: 'unplaced' };
    if (outcome?.kind !== 'row') return { item, kind: 'settled' };
    return { item, kind: parentsOf(outcome).every(isThere) ? 'placed' : 'unplaced' };
  });
}

function parentsOf(outcome: TransformOutcome): readonly Reference[] {
  return outcome.kind === 'row' ? Object.values(outcome.references ?? {}) : [];
}
