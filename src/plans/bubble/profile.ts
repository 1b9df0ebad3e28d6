import type { Entity, Merge } from '../../plan/contract.ts';
import { createTransform } from './entity.ts';
import { rejectOutcome, rowOutcome } from './row.ts';
import { fillTimestamps, mergeRankOf } from './stamps.ts';

/** A second profile of one person is not merged: its texts would have to be thrown away, or chosen between. */
export const profileMerge: Merge = {
  duplicateAction: 'reject',
  code: 'DUPLICATE_PROFILE',
  byReference: 'user_id',
  rule: 'A person has one profile of each kind: the one made first stays (of equals the lowest id), the others are rejected.',
};

/** The transform of either kind of profile. */
export function profileTransform(entity: 'client_profiles' | 'coach_profiles'): Entity['transform'] {
  return createTransform(entity, (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    fillTimestamps(draft, sourceId);
    return { ...rowOutcome(draft), mergeRank: mergeRankOf(draft) };
  });
}
