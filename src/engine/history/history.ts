import { stages } from '../../contract/record-status.ts';
import type { HistoryStage, HistoryTarget, RecordHistory, StageState } from '../../contract/records.ts';
import type { RecordView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { columnAccess, maskColumns } from '../masking/mask.ts';
import type { FirstWrite, HistoryLedger, HistoryRecord, HistoryTargets } from './history.sql.ts';

export interface HistoryDeps {
  readonly ledger: HistoryLedger;
  readonly targets: HistoryTargets;
  /** Undefined for a plan that is not installed any more: its runs can still be viewed. */
  readonly plan: (name: string) => Plan | undefined;
}

/** The history of one source id: its record in every run, the first run first. */
export async function readHistory(deps: HistoryDeps, sourceId: string): Promise<readonly RecordHistory[]> {
  const found = await deps.ledger.find(sourceId);
  return Promise.all(found.map((one) => toHistoryEntry(deps, one)));
}

async function toHistoryEntry(deps: HistoryDeps, one: HistoryRecord): Promise<RecordHistory> {
  const { record, run, tries, parent, clean } = one;
  const written = await deps.targets.firstWrite(record.runId, record.entity, record.sourceId);
  return {
    ...record,
    run,
    stages: stageHistory(record, written),
    tries,
    notes: clean?.notes ?? [],
    parent,
    survivor: one.survivor && withoutTarget(one.survivor),
    payload: one.hasPayload ? 'kept' : 'purged',
    target: await readTargetRow(deps, one, written),
  };
}

/** A merged record has its survivor's row. */
async function readTargetRow(
  deps: HistoryDeps,
  { record, run, clean, survivor }: HistoryRecord,
  written: FirstWrite | undefined,
): Promise<HistoryTarget | null> {
  const entity = deps.plan(run.plan)?.entities[record.entity];
  const id = record.targetId ?? survivor?.targetId;
  if (!entity || !id) return null;
  const row = (await deps.targets.row(run.targetSchema, entity.target.table, id)) ?? null;
  const loaded: JsonObject | null = survivor === null ? (clean?.row ?? null) : null;
  const access = columnAccess(entity, [...new Set([...Object.keys(row ?? {}), ...Object.keys(loaded ?? {})])]);
  return {
    table: `${run.targetSchema}.${entity.target.table}`,
    id,
    operation: written?.operation ?? null,
    writtenAt: written?.at.toISOString() ?? null,
    loaded: loaded && maskColumns(loaded, access.secret),
    row: row && maskColumns(row, access.secret),
    personal: access.personal,
  };
}

function withoutTarget({
  entity,
  sourceId,
  status,
}: NonNullable<HistoryRecord['survivor']>): RecordHistory['survivor'] {
  return { entity, sourceId, status };
}

/**
 * Pure: the state of a record at each stage. The ledger stores where a record is and since when; the time of its load is
 * stored with the target row.
 */
function stageHistory(
  record: Pick<RecordView, 'stage' | 'status' | 'updatedAt'>,
  written: FirstWrite | undefined,
): readonly HistoryStage[] {
  const current = stages.indexOf(record.stage);
  return stages.map((stage, index) => {
    const state =
      index < current ? 'done' : index > current ? stateBeyondStage(record.status) : stateAtStage(record.status);
    if (stage === 'load' && state === 'done') return { stage, state, at: written?.at.toISOString() ?? null };
    return { stage, state, at: index === current ? record.updatedAt : null };
  });
}

function stateAtStage(status: RecordView['status']): StageState {
  if (status === 'pending') return 'waiting';
  return status === 'reconciled' || status === 'skipped' ? 'done' : 'ended';
}

function stateBeyondStage(status: RecordView['status']): StageState {
  return status === 'skipped' ? 'skipped' : 'ahead';
}
