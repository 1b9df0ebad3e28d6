import type { JsonObject } from '../../plan/json.ts';
import type { OpenRecord, Resolution, Verdict } from '../ledger/types.ts';
import { groupBy } from './batching.ts';
import type { Group, StageDeps } from './stage.ts';

// A parent that is on its way usually lands within a second; asking more often only costs statements.
const parentPauseMs = 1_000;

export interface Resolved {
  /** Records whose references are all known, with the columns those give. */
  readonly ready: readonly { readonly record: OpenRecord; readonly row: JsonObject }[];
  /** The others, with what is to become of them. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** Puts target ids in the place of references; one look-up for the whole group. */
export async function resolveGroup(deps: StageDeps, group: Group): Promise<Resolved> {
  const stands = await deps.ledger.resolve(group.context.run, wantedBy(group.records));
  const ready: { record: OpenRecord; row: JsonObject }[] = [];
  const verdicts = new Map<string, Verdict>();
  for (const record of group.records) {
    const ids: Record<string, string> = {};
    const problem = fillIn(record, stands, ids);
    if (problem) verdicts.set(record.id, problem);
    else ready.push({ record, row: { ...record.clean?.row, ...ids } });
  }
  return { ready, verdicts };
}

function wantedBy(records: readonly OpenRecord[]): { entity: string; sourceId: string }[] {
  const all = records.flatMap((record) => Object.values(record.clean?.references ?? {}));
  return [...groupBy(all, keyOf).values()].flatMap((same) => same.slice(0, 1));
}

function fillIn(
  record: OpenRecord,
  stands: ReadonlyMap<string, Resolution>,
  ids: Record<string, string>,
): Verdict | undefined {
  for (const [column, reference] of Object.entries(record.clean?.references ?? {})) {
    const stand = stands.get(keyOf(reference)) ?? { kind: 'absent' };
    if (stand.kind !== 'found') return problemOf(column, reference, stand);
    ids[column] = stand.targetId;
  }
  return undefined;
}

function problemOf(
  column: string,
  reference: { entity: string; sourceId: string },
  stand: Exclude<Resolution, { kind: 'found' }>,
): Verdict {
  const parent = `${reference.entity} ${shown(reference.sourceId)}`;
  switch (stand.kind) {
    case 'waiting':
      return {
        kind: 'again',
        delayMs: parentPauseMs,
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
const shown = (sourceId: string): string => (sourceId.includes('@') ? '(named by an address)' : sourceId);

const keyOf = (item: { entity: string; sourceId: string }): string => `${item.entity}\u0000${item.sourceId}`;
