import type { BookingDraft } from './booking-draft.ts';
import { deletedRecordId } from './parents.ts';
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

export const STATUS_TRAPS: Traps<BookingDraft> = {
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

export const BOOKING_TRAPS: Traps<BookingDraft> = {
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

function setStatusText(booking: BookingDraft, spelled: string): string {
  booking.fields.booking_status = spelled;
  return booking.status;
}
