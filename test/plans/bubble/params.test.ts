import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldMap } from '../../../src/plans/bubble/field-map.ts';
import { paramsSchema, settingsSchema } from '../../../src/plans/bubble/params.ts';

const problems = (params: unknown) =>
  paramsSchema.safeParse(params).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('parameters', () => {
  it('may all be absent, or all be there', () => {
    const params = {
      source: 'csv',
      skipExport: true,
      exportDir: './data',
      csvTimeZone: 'Asia/Manila',
      amountUnit: 'minor',
      defaultCurrency: 'USD',
      listSeparator: ';',
      activeWhenEmpty: false,
      fieldMap: {
        types: { users: 'member' },
        fields: { users: { email: ['Mail address'], id: ['Nr'], password_hash: ['pw'] } },
        values: { role: { mentor: 'coach' }, booking_status: { x: 'completed' }, currency: { $: 'USD' } },
      },
    };
    expect(paramsSchema.parse(params)).toEqual(params);
    expect(paramsSchema.parse({})).toEqual({});
  });

  it('are refused with every problem at once', () => {
    const found = problems({
      sauce: 'csv',
      csvTimeZone: 'Manila',
      defaultCurrency: 'usd',
      fieldMap: {
        types: { members: 'x' },
        fields: { users: { e_mail: ['x'], email: [] } },
        values: { role: { mentor: 'boss' }, colour: {} },
      },
    });
    const text = found.join('\n');
    for (const part of [
      'sauce',
      'csvTimeZone',
      'defaultCurrency',
      'members',
      'e_mail',
      'fields.users.email',
      'mentor',
      'colour',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('do not contradict each other', () => {
    expect(problems({ source: 'api', skipExport: true })).toEqual(['skipExport: means CSV files, but source says api']);
  });

  it('are described, each of them', () => {
    const schema = z.toJSONSchema(paramsSchema, { io: 'input', unrepresentable: 'any' });
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      expect((property as { description?: string }).description, name).toMatch(/\.$/);
    }
    expect(JSON.stringify(schema)).toContain('stripe_payment_intent_id');
  });
});

it('settings are the variables of the document and leave others alone', () => {
  const env = { BUBBLE_API_URL: 'u', BUBBLE_API_KEY: 'k', MIGRATION_EXPORT_DIR: 'd', PATH: '/bin' };
  expect(settingsSchema.parse(env)).toEqual({ BUBBLE_API_URL: 'u', BUBBLE_API_KEY: 'k', MIGRATION_EXPORT_DIR: 'd' });
  expect(settingsSchema.parse({})).toEqual({});
});

it('the field map begins with the document’s names', () => {
  const document = {
    users: { role: 'type', is_active: 'active', email_verified: 'verified', password_hash: 'password' },
    client_profiles: {
      ...{ first_name: 'first_name', last_name: 'last_name', photo_url: 'photo', phone: 'phone_number' },
      ...{ timezone: 'time_zone', quiz_data: 'quiz_responses', preferences: 'user_preferences' },
    },
    coach_profiles: {
      ...{ bio: 'biography', expertise: 'expertise_areas', languages: 'languages_spoken', hourly_rate: 'rate' },
      ...{ countries: 'countries_experience', availability: 'availability_data', rating: 'average_rating' },
      ...{ total_sessions: 'session_count' },
    },
    bookings: {
      ...{ client_id: 'client_user_id', coach_id: 'coach_user_id', session_datetime: 'session_date' },
      ...{ duration_minutes: 'duration', status: 'booking_status' },
    },
    payments: {
      ...{ booking_id: 'booking_ref', amount: 'payment_amount', currency: 'currency_code', status: 'payment_status' },
      ...{ stripe_session_id: 'stripe_session', stripe_payment_intent_id: 'stripe_intent' },
    },
  };
  for (const [entity, columns] of Object.entries(document)) {
    const fields = fieldMap[entity as keyof typeof fieldMap] as Readonly<Record<string, { from: readonly string[] }>>;
    for (const [column, name] of Object.entries(columns)) expect(fields[column]?.from[0], column).toBe(name);
  }
});
