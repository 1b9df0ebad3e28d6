import type { Random } from '../../core/random.ts';
import { DAY, MINUTE, type PlannedRecord } from './calendar.ts';
import { type Draft, RECONCILED } from './draft.ts';
import type { UserDraft } from './user-draft.ts';

export interface ProfilePlan {
  readonly owner: UserDraft;
}

export interface ProfileDraft extends Draft {
  owner: UserDraft;
}

/** A profile without its fields. */
export function profileDraft({ plan, id, createdMs }: PlannedRecord<ProfilePlan>): ProfileDraft {
  const { owner } = plan;
  return { owner, id, createdMs, createdBy: owner.id, verdict: RECONCILED, marks: [], fields: { user_id: owner.id } };
}

/** Most people fill in their profile within the month; one in fifty was entered by the office before they signed up. */
export function profileCreatedMs({ owner }: ProfilePlan, random: Random): number {
  return random.chance(0.02)
    ? owner.createdMs - random.int(MINUTE, 5 * DAY)
    : owner.createdMs + random.int(MINUTE, 30 * DAY);
}

/** A picture as Bubble links to it: without a scheme. */
export function randomPhotoUrl(random: Random, owner: UserDraft): string | undefined {
  if (random.chance(0.3)) return undefined;
  return `//abc123.cdn.bubble.io/f${owner.createdMs}x${random.text(18)}/${random.pick(['me.png', 'IMG_0042.JPG', 'photo%20(1).jpg'])}`;
}
