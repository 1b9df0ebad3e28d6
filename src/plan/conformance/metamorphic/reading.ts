import { DroverError } from '../../../errors.ts';
import type { Entity, TransformOutcome } from '../../contract.ts';
import type { Json, JsonObject } from '../../json.ts';
import type { UpstreamFactory } from '../../upstream.ts';
import { readPages } from '../source-checks.ts';
import type { StandIn } from '../types.ts';
import type { SourceDescription } from './description.ts';

/** What the plan made of a source: extract, schema and transform of every record. */
export interface Reading {
  /** By entity, why its source refused to be read. */
  readonly refusals: ReadonlyMap<string, DroverError>;
  /** By entity and source id. */
  readonly outcomes: ReadonlyMap<string, TransformOutcome>;
}

/** Reads every list of the description through the plan, or only one of them. */
export async function readSource(
  { plan, lists }: SourceDescription,
  { settings, params = {} }: Pick<StandIn, 'settings' | 'params'>,
  upstreams: UpstreamFactory,
  only?: string,
): Promise<Reading> {
  const refusals = new Map<string, DroverError>();
  const outcomes = new Map<string, TransformOutcome>();
  for (const [list, { entity: name, readBy }] of Object.entries(lists)) {
    if (only !== undefined && list !== only) continue;
    const entity = plan.entities[name] as Entity;
    const context = { settings: plan.settings.parse(settings), params: plan.params.parse(params) };
    try {
      for (const { records } of await readPages(entity.source({ ...context, entity: name, upstreams }))) {
        for (const { sourceId, raw } of records) {
          // As the ledger has it: JSON, in another process.
          const stored = JSON.parse(JSON.stringify(raw)) as JsonObject;
          const outcome = outcomeOf(entity, sourceId, stored, context.params);
          outcomes.set(recordKey(name, sourceId), outcome);
          if (readBy === undefined || outcome.kind !== 'row') continue;
          const reader = plan.entities[readBy.entity] as Entity;
          const record = readBy.record(outcome.row);
          outcomes.set(recordKey(readBy.entity, sourceId), outcomeOf(reader, sourceId, record, context.params));
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof DroverError)) throw thrown;
      refusals.set(name, thrown);
    }
  }
  return { refusals, outcomes };
}

export const recordKey = (entity: string, sourceId: string): string => JSON.stringify([entity, sourceId]);

function outcomeOf(entity: Entity, sourceId: string, raw: JsonObject, params: JsonObject): TransformOutcome {
  if (sourceId === '') return { kind: 'reject', code: 'MISSING_ID', field: 'id', message: 'the record has no id' };
  const fits = entity.schema.safeParse(raw);
  return fits.success
    ? entity.transform(raw, { sourceId, params })
    : { kind: 'reject', code: 'SCHEMA', message: fits.error.issues.map(({ path }) => path.join('.')).join(', ') };
}

/** What an outcome does to the target, less the raw columns: what has to be the same however the source was written. */
export function contentOf(outcome: TransformOutcome | undefined, rawColumns: readonly string[] = []): Json {
  if (outcome === undefined) return 'no record';
  if (outcome.kind !== 'row') return { kind: outcome.kind, code: outcome.code };
  const { row, references, money, mergeKey, mergeRank } = outcome;
  const kept = Object.entries(row).filter(([column]) => !rawColumns.includes(column));
  const content = { kind: 'row', row: Object.fromEntries(kept), references, money, mergeKey, mergeRank };
  return JSON.parse(JSON.stringify(content)) as Json;
}
