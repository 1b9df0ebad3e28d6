import type { Random } from '../../core/random.ts';
import { appointment, type PlannedRecord } from './calendar.ts';
import { type Draft, RECONCILED } from './draft.ts';
import type { UserDraft } from './user-draft.ts';

export type BookingStatus = 'pending' | 'confirmed' | 'completed' | 'cancelled' | 'no_show';

export interface BookingPlan {
  readonly client: UserDraft;
  readonly coach: UserDraft;
}

export interface BookingDraft extends Draft, BookingPlan {
  /** What the status means, however it is spelled. */
  readonly status: BookingStatus;
}

/** An ordinary booking. */
export function bookingDraft({ plan, id, createdMs }: PlannedRecord<BookingPlan>, random: Random): BookingDraft {
  const status = randomStatus(random);
  return {
    ...plan,
    id,
    createdMs,
    createdBy: plan.client.id,
    verdict: RECONCILED,
    marks: [],
    status,
    fields: {
      client_user_id: plan.client.id,
      coach_user_id: plan.coach.id,
      session_date: new Date(appointment(random, createdMs, 30)).toISOString(),
      duration: random.pick([30, 45, 60, 60, 60, 90]),
      booking_status: status,
    },
  };
}

function randomStatus(random: Random): BookingStatus {
  const draw = random.next();
  if (draw < 0.6) return 'completed';
  if (draw < 0.78) return 'confirmed';
  if (draw < 0.86) return 'pending';
  return draw < 0.96 ? 'cancelled' : 'no_show';
}
