import type { Json } from '../../plan/json.ts';
import type { EntityName } from './entity-names.ts';
import { jsonb, list } from './parsers/json.ts';
import { amount, count, duration, numeric } from './parsers/numbers.ts';
import { type ParseContext, type Parser, Problem } from './parsers/parser.ts';
import { email, reference, secret, text, url } from './parsers/text.ts';
import { instant, timestamp } from './parsers/times.ts';
import { bookingStatus, boolean, currency, paymentStatus, role } from './parsers/vocabulary.ts';

/** How one column of the target is made: from which fields of the source, by which parser, and what stands for nothing. */
export interface Field {
  /** Names a source field may have, the most wanted first; dots lead into objects, `*` stands for any key on the way. */
  readonly from: readonly string[];
  readonly parse: Parser;
  readonly absent: (context: ParseContext) => Json | Problem;
  /** Set when the value is the source id of a record of this entity. */
  readonly references?: string;
}

/** A column that may be null. */
function optional(from: readonly string[], parse: Parser): Field {
  return { from, parse, absent: () => null };
}

/** A column whose absence is answered with a value. */
function defaulted(from: readonly string[], parse: Parser, absent: (context: ParseContext) => Json): Field {
  return { from, parse, absent };
}

/** A column without which there is no row. */
function required(from: readonly string[], parse: Parser, code: string): Field {
  const problem = new Problem(code, 'is missing');
  return { from, parse, absent: () => problem };
}

/** A column that points at a record of another entity. */
function referenceTo(entity: string, from: readonly string[], parse: Parser): Field {
  return { ...required(from, parse, 'MISSING_REFERENCE'), references: entity };
}

// `Created Date` is the Data API's name, `Creation Date` that of Bubble's own export. Names are compared without case,
// blanks and punctuation, so `created_date` is the first of them as well.
const created = optional(['Created Date', 'Creation Date', 'created_at'], timestamp);
const updated = optional(['Modified Date', 'updated_at'], timestamp);
const timestamps = { created_at: created, updated_at: updated };

const noCurrency = new Problem('UNKNOWN_CURRENCY', 'is missing; a run may set defaultCurrency');

/**
 * Target columns, in the order they are made, and where they come from. The first name of each list that holds something
 * gives the value; a run may replace any list by the parameter `fieldMap`.
 */
export const fieldMap = {
  users: {
    // The address that signs in is the person's; a field of the application's own is what the user once typed.
    email: required(
      ['authentication.email.email', 'authentication.*.email', 'email', 'email address', 'user email'],
      email,
      'BAD_EMAIL',
    ),
    // Made by entities.ts of the password, which Bubble's API never gives; applications may have kept one of their own.
    password_hash: optional(['password', 'password_hash'], secret),
    role: required(['type', 'role', 'user_type', 'user_role'], role, 'UNKNOWN_ROLE'),
    is_active: defaulted(['active', 'is_active'], boolean, ({ reading }) => reading.activeWhenEmpty),
    email_verified: defaulted(
      ['verified', 'email_verified', 'is_verified', 'authentication.email.email_confirmed'],
      boolean,
      () => false,
    ),
    ...timestamps,
  },
  client_profiles: {
    // Not `Created By`: profiles that the office entered would all become the office's.
    user_id: referenceTo('users', ['user_id', 'user'], reference),
    first_name: optional(['first_name'], text),
    last_name: optional(['last_name'], text),
    photo_url: optional(['photo', 'photo_url'], url),
    phone: optional(['phone_number', 'phone'], text),
    timezone: optional(['time_zone'], text),
    quiz_data: optional(['quiz_responses', 'quiz_data'], jsonb),
    preferences: optional(['user_preferences', 'preferences'], jsonb),
    ...timestamps,
  },
  coach_profiles: {
    user_id: referenceTo('users', ['user_id', 'user'], reference),
    first_name: optional(['first_name'], text),
    last_name: optional(['last_name'], text),
    bio: optional(['biography', 'bio'], text),
    expertise: defaulted(['expertise_areas', 'expertise'], list, () => []),
    languages: defaulted(['languages_spoken', 'languages'], list, () => []),
    countries: defaulted(['countries_experience', 'countries'], list, () => []),
    hourly_rate: optional(
      ['rate', 'hourly_rate'],
      numeric({ precision: 10, scale: 2, min: 25, max: 500, code: 'RATE_OUT_OF_RANGE' }),
    ),
    availability: optional(['availability_data', 'availability'], jsonb),
    // A lone comma is taken for no thousands here: `4,625` is a rating, if anything, so it is refused as ambiguous.
    rating: optional(['average_rating', 'rating'], numeric({ precision: 3, scale: 2, min: 0, decimals: 9 })),
    total_sessions: optional(['session_count', 'total_sessions'], count),
    ...timestamps,
  },
  bookings: {
    client_id: referenceTo('users', ['client_user_id', 'client_id', 'client', 'client_user'], reference),
    coach_id: referenceTo('users', ['coach_user_id', 'coach_id', 'coach', 'coach_user'], reference),
    session_datetime: required(['session_date', 'session_datetime'], instant, 'BAD_DATE'),
    duration_minutes: required(['duration', 'duration_minutes'], duration, 'BAD_DURATION'),
    status: required(['booking_status', 'status'], bookingStatus, 'UNKNOWN_STATUS'),
    ...timestamps,
  },
  payments: {
    booking_id: referenceTo('bookings', ['booking_ref', 'booking_id', 'booking'], reference),
    // Before the amount, which is read in it.
    currency: {
      ...optional(['currency_code', 'currency'], currency),
      absent: ({ reading }) => reading.defaultCurrency ?? noCurrency,
    },
    amount: required(['payment_amount', 'amount'], amount, 'BAD_AMOUNT'),
    status: required(['payment_status', 'status'], paymentStatus, 'UNKNOWN_STATUS'),
    stripe_session_id: optional(['stripe_session', 'stripe_session_id'], text),
    stripe_payment_intent_id: optional(['stripe_intent', 'stripe_payment_intent_id', 'stripe_payment_intent'], text),
    created_at: created,
  },
} as const satisfies Readonly<Record<EntityName, Readonly<Record<string, Field>>>>;
