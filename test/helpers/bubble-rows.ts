import type { JsonObject } from '../../src/plan/json.ts';

const id = '1708327130811x106027240349761540';

/** One valid row of each type, as Bubble's Data API returns it. */
export const validRows = {
  users: {
    _id: id,
    'Created Date': '2024-02-19T07:18:50.812Z',
    'Modified Date': '2024-03-01T10:00:00.123Z',
    authentication: { email: { email: 'ana@example.com', email_confirmed: true } },
    type: 'seeker',
    active: true,
    verified: true,
  },
  client_profiles: {
    _id: id,
    'Created Date': '2024-02-19T07:18:50.812Z',
    user_id: '1703263107769x434791901267492860',
    first_name: 'Ana',
    last_name: 'Cruz',
    photo: '//abc123.cdn.bubble.io/f1x2/me.png',
    phone_number: '+63 917 000 0000',
    time_zone: 'Asia/Manila',
    quiz_responses: '{"goal":"studies"}',
    user_preferences: { language: 'Tagalog' },
  },
  coach_profiles: {
    _id: id,
    'Created Date': '2024-02-19T07:18:50.812Z',
    user_id: '1703263107769x434791901267492860',
    first_name: 'Jo',
    last_name: 'Smith',
    biography: 'Hello',
    expertise_areas: ['Relocation', 'Diversity, equity and inclusion'],
    languages_spoken: ['English', 'Tagalog'],
    countries_experience: ['Japan'],
    rate: 120.5,
    availability_data: '{"mon":["09:00"]}',
    average_rating: 4.5,
    session_count: 12,
  },
  bookings: {
    _id: id,
    'Created Date': '2024-02-19T07:18:50.812Z',
    client_user_id: '1703263107769x434791901267492860',
    coach_user_id: '1703263107770x111111111111111111',
    session_date: '2024-03-05T15:00:00.000Z',
    duration: 60,
    booking_status: 'complete',
  },
  payments: {
    _id: id,
    'Created Date': '2024-02-19T07:18:50.812Z',
    booking_ref: '1703263107771x222222222222222222',
    payment_amount: 120.5,
    currency_code: 'USD',
    payment_status: 'success',
    stripe_session: 'cs_test_1',
    stripe_intent: 'pi_1',
  },
} as const satisfies Readonly<Record<string, JsonObject>>;
