import type { Random } from '../../core/random.ts';
import {
  applyTraps,
  appointment,
  assignIdsAndDates,
  type Draft,
  isClean,
  type PlannedRecord,
  RECONCILED,
  randomInstantAfter,
  scaledCount,
  type Traps,
} from './drafts.ts';
import { blockedBy, deletedRecordId, loadsOrMerges, type UserDraft } from './users.ts';

/** 300 of 12,000 bookings have the creation time of one bulk import. */
const TIES_PER_THOUSAND = 25;
/** How many of a thousand bookings have a client or coach that must be rejected. */
const BLOCKED_PER_THOUSAND = 2.5;
/** How many of a thousand bookings have a client or coach that is merged into another. */
const MERGED_PER_THOUSAND = 10;

/** Bookings of clients with coaches, in order of creation; none when there is no coach or no client. */
export function makeBookings(
  random: Random,
  users: readonly UserDraft[],
  count: number,
  density: number,
): BookingDraft[] {
  const plans = planBookings(random, users, count, density);
  const latest = (plan: BookingPlan) => Math.max(plan.client.createdMs, plan.coach.createdMs);
  const bookings = assignIdsAndDates(
    random,
    plans,
    (plan) => randomInstantAfter(random, latest(plan)),
    TIES_PER_THOUSAND,
    density,
  ).map((planned) => bookingDraft(planned, random));
  for (const booking of bookings) applyParentOutcomes(booking);
  const ordinary = bookings.filter((booking) => booking.marks.length === 0);
  applyTraps(random.fork('defects'), ordinary, BOOKING_DEFECTS, density, bookings.length);
  const groups = { STATUS_TRAPS, BOOKING_TRAPS };
  for (const [name, traps] of Object.entries(groups)) applyTraps(random.fork(name), bookings, traps, density);
  return bookings;
}

function planBookings(random: Random, users: readonly UserDraft[], count: number, density: number): BookingPlan[] {
  const coaches = users.filter((user) => user.role === 'coach' && isClean(user));
  const clients = users.filter((user) => user.role === 'seeker' && isClean(user));
  const merged = users.filter((user) => user.survivor !== undefined);
  const rejected = users.filter((user) => !loadsOrMerges(user));
  if (coaches.length === 0 || clients.length === 0) return [];
  const ofRejected = rejected.length === 0 ? 0 : scaledCount(BLOCKED_PER_THOUSAND, count, density);
  const ofMerged = merged.length === 0 ? 0 : scaledCount(MERGED_PER_THOUSAND, count, density);
  return Array.from({ length: count }, (_, i) => {
    const ordinary = { client: random.pick(clients), coach: random.pick(coaches) };
    if (i >= ofRejected + ofMerged) return ordinary;
    const person = random.pick(i < ofRejected ? rejected : merged);
    return person.role === 'coach' ? { ...ordinary, coach: person } : { ...ordinary, client: person };
  });
}

function applyParentOutcomes(booking: BookingDraft): void {
  for (const person of [booking.client, booking.coach]) {
    if (person.survivor !== undefined) booking.marks.push({ trap: 'person-merged', means: person.survivor.id });
    if (loadsOrMerges(person)) continue;
    booking.verdict = blockedBy(person);
    booking.marks.push({ trap: 'person-rejected' });
  }
}

type BookingStatus = 'pending' | 'confirmed' | 'completed' | 'cancelled' | 'no_show';

interface BookingPlan {
  readonly client: UserDraft;
  readonly coach: UserDraft;
}

export interface BookingDraft extends Draft, BookingPlan {
  /** The status that the row's text means. */
  readonly status: BookingStatus;
}

/** A booking without traps. */
function bookingDraft({ plan, id, createdMs }: PlannedRecord<BookingPlan>, random: Random): BookingDraft {
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

// Traps.

const BAD_DATES = [
  '2024-02-30T10:00:00.000Z',
  '0000-09-21',
  'next Tuesday',
  '2023-13-45T25:61:00.000Z',
  '31 of Smarch 2024',
];

/** Traps for which a booking must be rejected. */
const BOOKING_DEFECTS: Traps<BookingDraft> = {
  'date-bad': {
    perThousand: 2,
    code: 'BAD_DATE',
    apply: (booking, random) => setFields(booking, { session_date: random.pick(BAD_DATES) }),
  },
  'date-missing': {
    perThousand: 0.5,
    code: 'BAD_DATE',
    apply: (booking) => setFields(booking, { session_date: undefined }),
  },
  'duration-zero': { perThousand: 1, code: 'BAD_DURATION', apply: (booking) => setFields(booking, { duration: 0 }) },
  'duration-negative': {
    perThousand: 1,
    code: 'BAD_DURATION',
    apply: (booking, random) => setFields(booking, { duration: -random.int(1, 90) }),
  },
  'duration-not-a-number': {
    perThousand: 0.8,
    code: 'BAD_NUMBER',
    apply: (booking, random) => setFields(booking, { duration: random.pick(['an hour', 'about 50', 'TBD']) }),
  },
  'status-unknown': {
    perThousand: 1.6,
    code: 'UNKNOWN_STATUS',
    apply: (booking, random) =>
      setFields(booking, { booking_status: random.pick(['limbo', 'waiting for coach', 'see e-mail']) }),
  },
  'client-deleted': {
    perThousand: 1,
    code: 'ORPHAN',
    apply: (booking, random) => setFields(booking, { client_user_id: deletedRecordId(random) }),
  },
  'coach-deleted': {
    perThousand: 1,
    code: 'ORPHAN',
    apply: (booking, random) => setFields(booking, { coach_user_id: deletedRecordId(random) }),
  },
  'client-missing': {
    perThousand: 0.4,
    code: 'MISSING_REFERENCE',
    apply: (booking) => setFields(booking, { client_user_id: undefined }),
  },
  'coach-missing': {
    perThousand: 0.4,
    code: 'MISSING_REFERENCE',
    apply: (booking) => setFields(booking, { coach_user_id: undefined }),
  },
};

const STATUS_TRAPS: Traps<BookingDraft> = {
  'status-complete': {
    perThousand: 120,
    appliesTo: hasStatus('completed'),
    apply: (booking) => setStatusText(booking, 'complete'),
  },
  'status-padded': {
    perThousand: 30,
    appliesTo: hasStatus('completed'),
    apply: (booking) => setStatusText(booking, 'Completed '),
  },
  'status-canceled': {
    perThousand: 30,
    appliesTo: hasStatus('cancelled'),
    apply: (booking) => setStatusText(booking, 'canceled'),
  },
  'status-capital': {
    perThousand: 10,
    appliesTo: hasStatus('confirmed'),
    apply: (booking) => setStatusText(booking, 'Confirmed'),
  },
};

const BOOKING_TRAPS: Traps<BookingDraft> = {
  'coach-books-self': {
    perThousand: 2,
    appliesTo: (booking) => booking.marks.length === 0,
    apply: (booking) => setFields(booking, { client_user_id: booking.coach.id }),
  },
  'duration-as-text': {
    perThousand: 20,
    apply: (booking) => {
      const minutes = String(booking.fields.duration);
      booking.fields.duration = minutes;
      return minutes;
    },
  },
};

function setFields(booking: BookingDraft, fields: Record<string, unknown>): undefined {
  Object.assign(booking.fields, fields);
}

function hasStatus(status: BookingDraft['status']): (booking: BookingDraft) => boolean {
  return (booking) => booking.status === status;
}

function setStatusText(booking: BookingDraft, text: string): string {
  booking.fields.booking_status = text;
  return booking.status;
}
