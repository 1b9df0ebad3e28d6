export const BUBBLE_TYPES = ['user', 'clientprofile', 'coachprofile', 'booking', 'payment'] as const;

/** A type of thing, as its URL spells it: lower case, no spaces. */
export type BubbleType = (typeof BUBBLE_TYPES)[number];

export type FieldKind = 'text' | 'number' | 'date' | 'yes/no' | 'list' | 'image';

/** The fields the application's makers added, in the order of their columns. Names are Bubble's display names, spaces included. */
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

/** Fields every thing has. Bubble sets them; nobody writes them through the API. */
export const SYSTEM_FIELDS = ['_id', 'Created Date', 'Modified Date', 'Created By', 'Slug'] as const;

const USER_FIELDS = [
  'authentication',
  'authentication.email.email',
  'authentication.email.email_confirmed',
  'authentication.Google.email',
  'authentication.LinkedIn.email',
  'user_signed_up',
];

/** Every name a constraint or a sort may use. */
export function queryableFields(type: BubbleType): ReadonlySet<string> {
  return new Set([...SYSTEM_FIELDS, ...Object.keys(CUSTOM_FIELDS[type]), ...(type === 'user' ? USER_FIELDS : [])]);
}

/** Every name a client may write. */
export function writableFields(type: BubbleType): ReadonlySet<string> {
  return new Set([...Object.keys(CUSTOM_FIELDS[type]), 'Slug', ...(type === 'user' ? ['authentication'] : [])]);
}

export function isBubbleType(name: string): name is BubbleType {
  return (BUBBLE_TYPES as readonly string[]).includes(name);
}
