import type { Random } from '../../core/random.ts';
import { uid } from '../uid.ts';
import { LAST_DAY } from './calendar.ts';
import { type Draft, type ExpectedOutcome, isClean } from './draft.ts';
import type { UserDraft } from './user-draft.ts';

/** A reference to something that was deleted: it looks right, and nothing answers to it. */
export function deletedRecordId(random: Random): string {
  // After the last day, so that it cannot meet an id in use.
  return uid(LAST_DAY + random.int(1_000_000_000, 9_000_000_000), random);
}

/** Whether what refers to a user can load: a merged user's things go to the survivor. */
export function loadsOrMerges(user: UserDraft): boolean {
  return isClean(user) || user.survivor !== undefined;
}

/** The verdict on a child of something that does not load. */
export function blockedBy(parent: Draft): ExpectedOutcome {
  return { outcome: 'blocked', code: 'PARENT_REJECTED', blockedBy: parent.id };
}
