import { waitingForPoolCode } from '../../contract/record-status.ts';
import type { JsonObject } from '../../plan/json.ts';
import { referenceKey } from '../ledger/references.ts';
import type { OpenRecord, RecordOutcome, Resolution } from '../ledger/types.ts';
import type { RunContext } from '../runs/context.ts';
import { groupBy } from './batching.ts';
import type { Group, StageDeps } from './stage.ts';

// A parent in progress is usually loaded within a second; more frequent attempts only cost statements.
const parentRetryMs = 1_000;
// A parent that waits for a password hash may take minutes.
const costlyParentRetryMs = 3_000;

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
    const problem = fillReferences(group.context, record, resolutions, ids);
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
  context: RunContext,
  record: OpenRecord,
  resolutions: ReadonlyMap<string, Resolution>,
  ids: Record<string, string>,
): RecordOutcome | undefined {
  for (const [column, reference] of Object.entries(record.clean?.references ?? {})) {
    const resolution = resolutions.get(referenceKey(reference.entity, reference.sourceId)) ?? { kind: 'absent' };
    if (resolution.kind !== 'found') return unresolvedOutcome(context, column, reference, resolution);
    ids[column] = resolution.targetId;
  }
  return undefined;
}

function unresolvedOutcome(
  context: RunContext,
  column: string,
  reference: { entity: string; sourceId: string },
  resolution: Exclude<Resolution, { kind: 'found' }>,
): RecordOutcome {
  const parent = `${reference.entity} ${displaySourceId(reference.sourceId)}`;
  switch (resolution.kind) {
    case 'waiting':
      return {
        kind: 'again',
        delayMs: resolution.code === waitingForPoolCode ? costlyParentRetryMs * (1 + 2 * Math.random()) : parentRetryMs,
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
    case 'absent': {
      const orphan = hasReadAll(context, reference.entity);
      const code = orphan ? 'ORPHAN' : 'PARENT_NOT_LOADED';
      const message = orphan
        ? `there is no ${parent}`
        : `${parent} was not read by this run and not loaded by an earlier one`;
      return { kind: 'end', status: 'rejected', code, field: column, message };
    }
  }
}

/** True of a record that was rejected because its parent is neither in the run nor in the target. */
export function isParentAbsent(outcome: RecordOutcome): boolean {
  return outcome.kind === 'end' && (outcome.code === 'ORPHAN' || outcome.code === 'PARENT_NOT_LOADED');
}

/** True when the run has read the entity's whole source: what it has not found does not exist there. */
function hasReadAll({ run, entities }: RunContext, name: string): boolean {
  const { ids, since, until, trial } = run.scope;
  const entity = entities.get(name);
  return (
    entity !== undefined &&
    entity.status === 'done' &&
    entity.errorCode === null &&
    [ids, since, until, trial].every((limit) => limit === undefined)
  );
}

// Some applications reference people by their e-mail address, which must not appear in messages.
const displaySourceId = (sourceId: string): string => (sourceId.includes('@') ? '(an e-mail address)' : sourceId);
