import type { Random } from '../core/random.ts';

export const BUBBLE_TYPES = ['user', 'clientprofile', 'coachprofile', 'booking', 'payment'] as const;

/** A type of thing, as in its URL: lower case, no spaces. */
export type BubbleType = (typeof BUBBLE_TYPES)[number];

type FieldKind = 'text' | 'number' | 'date' | 'yes/no' | 'list' | 'image';

/** The fields that the application defines, in column order. Names are Bubble's display names, including spaces. */
export const CUSTOM_FIELDS: Readonly<Record<BubbleType, Readonly<Record<string, FieldKind>>>> = {
  user: {
    email: 'text',
    password: 'text',
    type: 'text',
    active: 'yes/no',
    verified: 'yes/no',
    'Referral Source ': 'text',
  },
  clientprofile: {
    user_id: 'text',
    first_name: 'text',
    last_name: 'text',
    photo: 'image',
    phone_number: 'text',
    time_zone: 'text',
    quiz_responses: 'text',
    user_preferences: 'text',
  },
  coachprofile: {
    user_id: 'text',
    first_name: 'text',
    last_name: 'text',
    biography: 'text',
    expertise_areas: 'list',
    languages_spoken: 'list',
    countries_experience: 'list',
    rate: 'number',
    availability_data: 'text',
    average_rating: 'number',
    session_count: 'number',
  },
  booking: {
    client_user_id: 'text',
    coach_user_id: 'text',
    session_date: 'date',
    duration: 'number',
    booking_status: 'text',
  },
  payment: {
    booking_ref: 'text',
    payment_amount: 'number',
    currency_code: 'text',
    payment_status: 'text',
    stripe_session: 'text',
    stripe_intent: 'text',
  },
};

/** The fields of every thing. Bubble sets them; of these the API lets a client write only `Slug`. */
export const SYSTEM_FIELDS = ['_id', 'Created Date', 'Modified Date', 'Created By', 'Slug'] as const;

const USER_FIELDS = [
  'authentication',
  'authentication.email.email',
  'authentication.email.email_confirmed',
  'authentication.Google.email',
  'authentication.LinkedIn.email',
  'user_signed_up',
];

/** The names that a constraint or a sort key may use. */
export function queryableFields(type: BubbleType): ReadonlySet<string> {
  return new Set([...SYSTEM_FIELDS, ...Object.keys(CUSTOM_FIELDS[type]), ...(type === 'user' ? USER_FIELDS : [])]);
}

/** The names that a client may write. */
export function writableFields(type: BubbleType): ReadonlySet<string> {
  return new Set([...Object.keys(CUSTOM_FIELDS[type]), 'Slug', ...(type === 'user' ? ['authentication'] : [])]);
}

export function isBubbleType(name: string): name is BubbleType {
  return (BUBBLE_TYPES as readonly string[]).includes(name);
}

/** One thing, as in the API's answers. Empty fields are absent: Bubble does not distinguish empty from missing. */
export interface Row {
  readonly _id: string;
  readonly 'Created Date': string;
  readonly 'Modified Date': string;
  readonly [field: string]: unknown;
}

/** The fields that are not empty. For Bubble null, "", undefined and the empty list are all empty. */
export function withoutEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) if (!isEmpty(value)) kept[name] = value;
  return kept;
}

export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** A field by its name, or by its path when no field has the whole name (`authentication.email.email`). */
export function readField(row: Row, name: string): unknown {
  const direct = row[name];
  if (direct !== undefined || !name.includes('.')) return direct;
  let value: unknown = row;
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** A unique id in Bubble's format: creation time in milliseconds, `x`, eighteen digits. */
export function uid(createdMs: number, random: Random): string {
  return `${createdMs}x${random.int(100, 999)}${random.text(15)}`;
}
