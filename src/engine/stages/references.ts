import type { JsonObject } from '../../plan/json.ts';
import type { OpenRecord, RecordOutcome, Resolution } from '../ledger/types.ts';
import { groupBy } from './batching.ts';
import type { Group, StageDeps } from './stage.ts';

// A parent that is on its way usually lands within a second; asking more often only costs statements.
const parentRetryMs = 1_000;

export interface ResolvedGroup {
  /** Records whose references are all known, with the columns those give. */
  readonly ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[];
  /** The others, with what is to become of them. */
  readonly outcomes: ReadonlyMap<string, RecordOutcome>;
}

/** Puts target ids in the place of references; one look-up for the whole group. */
export async function resolveGroup(deps: StageDeps, group: Group): Promise<ResolvedGroup> {
  const stands = await deps.ledger.resolve(group.context.run, wantedReferences(group.records));
  const ready: { record: OpenRecord; row: JsonObject }[] = [];
  const verdicts = new Map<string, RecordOutcome>();
  for (const record of group.records) {
    const ids: Record<string, string> = {};
    const problem = fillReferences(record, stands, ids);
    if (problem) verdicts.set(record.id, problem);
    else ready.push({ record, row: { ...record.clean?.row, ...ids } });
  }
  return { ready, outcomes: verdicts };
}

function wantedReferences(records: readonly OpenRecord[]): { entity: string; sourceId: string }[] {
  const all = records.flatMap((record) => Object.values(record.clean?.references ?? {}));
  return [...groupBy(all, referenceKey).values()].flatMap((same) => same.slice(0, 1));
}

function fillReferences(
  record: OpenRecord,
  stands: ReadonlyMap<string, Resolution>,
  ids: Record<string, string>,
): RecordOutcome | undefined {
  for (const [column, reference] of Object.entries(record.clean?.references ?? {})) {
    const stand = stands.get(referenceKey(reference)) ?? { kind: 'absent' };
    if (stand.kind !== 'found') return unresolvedOutcome(column, reference, stand);
    ids[column] = stand.targetId;
  }
  return undefined;
}

function unresolvedOutcome(
  column: string,
  reference: { entity: string; sourceId: string },
  stand: Exclude<Resolution, { kind: 'found' }>,
): RecordOutcome {
  const parent = `${reference.entity} ${displaySourceId(reference.sourceId)}`;
  switch (stand.kind) {
    case 'waiting':
      return {
        kind: 'again',
        delayMs: parentRetryMs,
        counts: false,
        code: 'WAITING_FOR_PARENT',
        message: `waits for ${parent}`,
      };
    case 'bad':
      return {
        kind: 'end',
        status: 'blocked',
        code: 'PARENT_REJECTED',
        field: column,
        message: `${parent} is ${stand.status}${stand.code ? ` (${stand.code})` : ''}`,
        blockedBy: stand.recordId,
      };
    case 'absent':
      return { kind: 'end', status: 'rejected', code: 'ORPHAN', field: column, message: `there is no ${parent}` };
  }
}

// Some applications point at people by their e-mail address; messages go to places where those must not be.
const displaySourceId = (sourceId: string): string => (sourceId.includes('@') ? '(named by an address)' : sourceId);

const referenceKey = (item: { entity: string; sourceId: string }): string => `${item.entity}\u0000${item.sourceId}`;
