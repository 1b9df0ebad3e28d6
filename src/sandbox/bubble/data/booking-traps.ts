import type { BookingDraft } from './booking-draft.ts';
import { danglingId } from './parents.ts';
import type { Traps } from './traps.ts';

const BAD_DATES = [
  '2024-02-30T10:00:00.000Z',
  '0000-09-21',
  'next Tuesday',
  '2023-13-45T25:61:00.000Z',
  '31 of Smarch 2024',
];

/** Bookings that must be rejected. */
export const BOOKING_DEFECTS: Traps<BookingDraft> = {
  'date-bad': {
    perThousand: 2,
    code: 'BAD_DATE',
    apply: (booking, random) => put(booking, { session_date: random.pick(BAD_DATES) }),
  },
  'date-missing': { perThousand: 0.5, code: 'BAD_DATE', apply: (booking) => put(booking, { session_date: undefined }) },
  'duration-zero': { perThousand: 1, code: 'BAD_DURATION', apply: (booking) => put(booking, { duration: 0 }) },
  'duration-negative': {
    perThousand: 1,
    code: 'BAD_DURATION',
    apply: (booking, random) => put(booking, { duration: -random.int(1, 90) }),
  },
  'duration-not-a-number': {
    perThousand: 0.8,
    code: 'BAD_NUMBER',
    apply: (booking, random) => put(booking, { duration: random.pick(['an hour', 'about 50', 'TBD']) }),
  },
  'status-unknown': {
    perThousand: 1.6,
    code: 'UNKNOWN_STATUS',
    apply: (booking, random) =>
      put(booking, { booking_status: random.pick(['limbo', 'waiting for coach', 'see e-mail']) }),
  },
  'client-deleted': {
    perThousand: 1,
    code: 'ORPHAN',
    apply: (booking, random) => put(booking, { client_user_id: danglingId(random) }),
  },
  'coach-deleted': {
    perThousand: 1,
    code: 'ORPHAN',
    apply: (booking, random) => put(booking, { coach_user_id: danglingId(random) }),
  },
  'client-missing': {
    perThousand: 0.4,
    code: 'MISSING_REFERENCE',
    apply: (booking) => put(booking, { client_user_id: undefined }),
  },
  'coach-missing': {
    perThousand: 0.4,
    code: 'MISSING_REFERENCE',
    apply: (booking) => put(booking, { coach_user_id: undefined }),
  },
};

export const STATUS_TRAPS: Traps<BookingDraft> = {
  'status-complete': { perThousand: 120, fits: is('completed'), apply: (booking) => spell(booking, 'complete') },
  'status-padded': { perThousand: 30, fits: is('completed'), apply: (booking) => spell(booking, 'Completed ') },
  'status-canceled': { perThousand: 30, fits: is('cancelled'), apply: (booking) => spell(booking, 'canceled') },
  'status-capital': { perThousand: 10, fits: is('confirmed'), apply: (booking) => spell(booking, 'Confirmed') },
};

export const BOOKING_TRAPS: Traps<BookingDraft> = {
  'coach-books-self': {
    perThousand: 2,
    fits: (booking) => booking.marks.length === 0,
    apply: (booking) => put(booking, { client_user_id: booking.coach.id }),
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

function put(booking: BookingDraft, fields: Record<string, unknown>): undefined {
  Object.assign(booking.fields, fields);
}

function is(status: BookingDraft['status']): (booking: BookingDraft) => boolean {
  return (booking) => booking.status === status;
}

function spell(booking: BookingDraft, spelled: string): string {
  booking.fields.booking_status = spelled;
  return booking.status;
}
