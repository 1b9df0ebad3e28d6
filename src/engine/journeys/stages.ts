import type { RecordView } from '../control/contract.ts';
import { stages } from '../record-status.ts';
import type { JourneyStage, StageState } from './contract.ts';
import type { FirstWrite } from './ports.ts';

/**
 * Pure: what became of a record at each stage. The ledger keeps where a record is and when it came there; when it was
 * loaded is written beside the target row.
 */
export function stageHistory(
  record: Pick<RecordView, 'stage' | 'status' | 'updatedAt'>,
  written: FirstWrite | undefined,
): readonly JourneyStage[] {
  const here = stages.indexOf(record.stage);
  return stages.map((stage, index) => {
    const state = index < here ? 'done' : index > here ? stateBeyondStage(record.status) : stateAtStage(record.status);
    if (stage === 'load' && state === 'done') return { stage, state, at: written?.at.toISOString() ?? null };
    return { stage, state, at: index === here ? record.updatedAt : null };
  });
}

function stateAtStage(status: RecordView['status']): StageState {
  if (status === 'pending') return 'waiting';
  return status === 'reconciled' || status === 'skipped' ? 'done' : 'ended';
}

function stateBeyondStage(status: RecordView['status']): StageState {
  return status === 'skipped' ? 'skipped' : 'ahead';
}
