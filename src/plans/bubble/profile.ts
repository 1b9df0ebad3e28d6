import type { Entity, Merge } from '../../plan/contract.ts';
import { transformOf } from './entity.ts';
import { rejectOutcome, rowOutcome } from './row.ts';
import { completeStamps, rankOf } from './stamps.ts';

/** A second profile of one person is not merged: its texts would have to be thrown away, or chosen between. */
export const oneProfileEach: Merge = {
  loser: 'reject',
  code: 'DUPLICATE_PROFILE',
  byReference: 'user_id',
  rule: 'A person has one profile of each kind: the one made first stays (of equals the lowest id), the others are rejected.',
};

/** The transform of either kind of profile. */
export function profileTransform(entity: 'client_profiles' | 'coach_profiles'): Entity['transform'] {
  return transformOf(entity, (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    completeStamps(draft, sourceId);
    return { ...rowOutcome(draft), mergeRank: rankOf(draft) };
  });
}
