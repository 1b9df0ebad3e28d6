import type { JsonObject } from '../../plan/json.ts';
import { referenceKey } from '../ledger/references.ts';
import type { OpenRecord, RecordOutcome, Resolution } from '../ledger/types.ts';
import { groupBy } from './batching.ts';
import type { Group, StageDeps } from './stage.ts';

// A parent in progress is usually loaded within a second; more frequent attempts only cost statements.
const parentRetryMs = 1_000;

export interface ResolvedGroup {
  /** Records whose references are all known, with the columns those give. */
  readonly ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[];
  /** The outcomes of the other records. */
  readonly outcomes: ReadonlyMap<string, RecordOutcome>;
}

/** Replaces references by target ids; one look-up for the whole group. */
export async function resolveGroup(deps: StageDeps, group: Group): Promise<ResolvedGroup> {
  const resolutions = await deps.ledger.resolve(group.context.run, wantedReferences(group.records));
  const ready: { record: OpenRecord; row: JsonObject }[] = [];
  const outcomes = new Map<string, RecordOutcome>();
  for (const record of group.records) {
    const ids: Record<string, string> = {};
    const problem = fillReferences(record, resolutions, ids);
    if (problem) outcomes.set(record.id, problem);
    else ready.push({ record, row: { ...record.clean?.row, ...ids } });
  }
  return { ready, outcomes: outcomes };
}

function wantedReferences(records: readonly OpenRecord[]): { entity: string; sourceId: string }[] {
  const all = records.flatMap((record) => Object.values(record.clean?.references ?? {}));
  return [...groupBy(all, ({ entity, sourceId }) => referenceKey(entity, sourceId)).values()].flatMap((same) =>
    same.slice(0, 1),
  );
}

function fillReferences(
  record: OpenRecord,
  resolutions: ReadonlyMap<string, Resolution>,
  ids: Record<string, string>,
): RecordOutcome | undefined {
  for (const [column, reference] of Object.entries(record.clean?.references ?? {})) {
    const resolution = resolutions.get(referenceKey(reference.entity, reference.sourceId)) ?? { kind: 'absent' };
    if (resolution.kind !== 'found') return unresolvedOutcome(column, reference, resolution);
    ids[column] = resolution.targetId;
  }
  return undefined;
}

function unresolvedOutcome(
  column: string,
  reference: { entity: string; sourceId: string },
  resolution: Exclude<Resolution, { kind: 'found' }>,
): RecordOutcome {
  const parent = `${reference.entity} ${displaySourceId(reference.sourceId)}`;
  switch (resolution.kind) {
    case 'waiting':
      return {
        kind: 'again',
        delayMs: parentRetryMs,
        counts: false,
        code: 'WAITING_FOR_PARENT',
        message: `waiting for ${parent}`,
      };
    case 'bad':
      return {
        kind: 'end',
        status: 'blocked',
        code: 'PARENT_REJECTED',
        field: column,
        message: `${parent} is ${resolution.status}${resolution.code ? ` (${resolution.code})` : ''}`,
        blockedBy: resolution.recordId,
      };
    case 'absent':
      return { kind: 'end', status: 'rejected', code: 'ORPHAN', field: column, message: `there is no ${parent}` };
  }
}

// Some applications reference people by their e-mail address, which must not appear in messages.
const displaySourceId = (sourceId: string): string => (sourceId.includes('@') ? '(an e-mail address)' : sourceId);
