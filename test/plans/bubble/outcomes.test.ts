import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorKinds } from '../../../src/errors.ts';
import type { JsonObject } from '../../../src/plan/json.ts';
import type { EntityName } from '../../../src/plans/bubble/entity-names.ts';
import plan from '../../../src/plans/bubble/index.ts';
import { codes } from '../../../src/plans/bubble/rules.ts';
import { validRows } from '../../helpers/bubble-rows.ts';

const sourceId = '1708327130811x106027240349761540';

function transform(entity: EntityName, change: JsonObject = {}, params: JsonObject = {}) {
  return plan.entities[entity].transform({ ...validRows[entity], ...change }, { sourceId, params });
}

describe('rows', () => {
  it('client profiles', () => {
    expect(transform('client_profiles')).toEqual({
      kind: 'row',
      row: {
        first_name: 'Ana',
        last_name: 'Cruz',
        photo_url: 'https://abc123.cdn.bubble.io/f1x2/me.png',
        phone: '+63 917 000 0000',
        timezone: 'Asia/Manila',
        quiz_data: { goal: 'studies' },
        preferences: { language: 'Tagalog' },
        created_at: '2024-02-19T07:18:50.812Z',
        updated_at: '2024-02-19T07:18:50.812Z',
      },
      references: { user_id: { entity: 'users', sourceId: '1703263107769x434791901267492860' } },
      mergeRank: '2024-02-19T07:18:50.812Z',
    });
  });

  it('coach profiles', () => {
    expect(transform('coach_profiles')).toMatchObject({
      row: {
        bio: 'Hello',
        expertise: ['Relocation', 'Diversity, equity and inclusion'],
        languages: ['English', 'Tagalog'],
        countries: ['Japan'],
        hourly_rate: '120.50',
        availability: { mon: ['09:00'] },
        rating: '4.50',
        total_sessions: 12,
      },
    });
  });

  it('bookings', () => {
    expect(transform('bookings')).toEqual({
      kind: 'row',
      row: {
        session_datetime: '2024-03-05T15:00:00.000Z',
        duration_minutes: 60,
        status: 'completed',
        created_at: '2024-02-19T07:18:50.812Z',
        updated_at: '2024-02-19T07:18:50.812Z',
      },
      references: {
        client_id: { entity: 'users', sourceId: '1703263107769x434791901267492860' },
        coach_id: { entity: 'users', sourceId: '1703263107770x111111111111111111' },
      },
    });
  });

  it('payments, with their money', () => {
    expect(transform('payments')).toEqual({
      kind: 'row',
      row: {
        amount: '120.50',
        currency: 'USD',
        status: 'succeeded',
        stripe_session_id: 'cs_test_1',
        stripe_payment_intent_id: 'pi_1',
        created_at: '2024-02-19T07:18:50.812Z',
      },
      references: { booking_id: { entity: 'bookings', sourceId: '1703263107771x222222222222222222' } },
      money: { minor: '12050', currency: 'USD', status: 'succeeded' },
    });
  });

  it('a coach who books herself is loaded and noted', () => {
    const same = { client_user_id: validRows.bookings.coach_user_id };
    expect(transform('bookings', same)).toMatchObject({ kind: 'row', notes: [expect.stringContaining('same user')] });
  });

  it('names of formulas, quotes and scripts are kept to the letter', () => {
    for (const name of [
      '=cmd|"/C calc"!A0',
      `O'Neil "Robert'); DROP TABLE users;--"`,
      '\u202eمريم\u202c',
      ' Ana 👩🏽‍🏫 ',
      'Null',
    ]) {
      expect(transform('client_profiles', { first_name: name })).toMatchObject({ row: { first_name: name } });
    }
  });

  it.each(['', ' ', null, 'NULL', '\u00a0'])('%j is nothing', (nothing) => {
    expect(transform('client_profiles', { phone_number: nothing })).toMatchObject({ row: { phone: null } });
  });
});

describe('rejects', () => {
  const cases: readonly (readonly [EntityName, JsonObject, string, string])[] = [
    ['users', { type: 'wizard' }, 'UNKNOWN_ROLE', 'role'],
    ['users', { type: null }, 'UNKNOWN_ROLE', 'role'],
    ['users', { active: 'perhaps' }, 'BAD_BOOLEAN', 'is_active'],
    ['users', { 'Created Date': 'yesterday' }, 'BAD_DATE', 'created_at'],
    ['client_profiles', { user_id: null }, 'MISSING_REFERENCE', 'user_id'],
    ['coach_profiles', { rate: 5 }, 'RATE_OUT_OF_RANGE', 'hourly_rate'],
    ['coach_profiles', { rate: 'TBD' }, 'BAD_NUMBER', 'hourly_rate'],
    ['coach_profiles', { session_count: 2 ** 40 }, 'BAD_NUMBER', 'total_sessions'],
    ['bookings', { session_date: null }, 'BAD_DATE', 'session_datetime'],
    ['bookings', { session_date: 'Jan 5, 2024 3:04 pm' }, 'BAD_DATE', 'session_datetime'],
    ['bookings', { duration: -30 }, 'BAD_DURATION', 'duration_minutes'],
    ['bookings', { duration: null }, 'BAD_DURATION', 'duration_minutes'],
    ['bookings', { booking_status: 'limbo' }, 'UNKNOWN_STATUS', 'status'],
    ['bookings', { coach_user_id: '' }, 'MISSING_REFERENCE', 'coach_id'],
    ['payments', { booking_ref: null }, 'MISSING_REFERENCE', 'booking_id'],
    ['payments', { currency_code: 'QQQ' }, 'UNKNOWN_CURRENCY', 'currency'],
    ['payments', { currency_code: null }, 'UNKNOWN_CURRENCY', 'currency'],
    ['payments', { payment_amount: null }, 'BAD_AMOUNT', 'amount'],
    ['payments', { payment_amount: 'free' }, 'BAD_NUMBER', 'amount'],
    ['payments', { payment_amount: 0.005 }, 'BAD_AMOUNT', 'amount'],
    ['payments', { payment_status: 'ask Jo' }, 'UNKNOWN_STATUS', 'status'],
  ];
  it.each(cases)('%s %j: %s', (entity, change, code, field) => {
    expect(transform(entity, change)).toMatchObject({ kind: 'reject', code, field });
    expect({ ...errorKinds, ...plan.codes }).toHaveProperty([code]);
  });

  it('keep the money that can be read', () => {
    const money = (change: JsonObject) => {
      const outcome = transform('payments', change);
      return outcome.kind === 'reject' ? outcome.money : 'not rejected';
    };
    expect(money({ payment_amount: -5 })).toEqual({ minor: '-500', currency: 'USD', status: 'succeeded' });
    expect(money({ payment_amount: 0 })).toEqual({ minor: '0', currency: 'USD', status: 'succeeded' });
    expect(money({ payment_status: 'limbo' })).toEqual({ minor: '12050', currency: 'USD', status: 'unknown' });
    expect(money({ booking_ref: null })).toEqual({ minor: '12050', currency: 'USD', status: 'succeeded' });
    expect(money({ payment_amount: 'free' })).toBeUndefined();
    expect(money({ currency_code: 'QQQ' })).toBeUndefined();
  });

  it('name the field of the source, and quote nobody', () => {
    const outcome = transform('coach_profiles', { rate: 'ask Maria on 0917' });
    expect(outcome).toMatchObject({
      message: 'hourly_rate (field "rate" of the source) is not a number for certain ("aaa aaaaa aa 9999")',
    });
    const secret = fc.stringMatching(/^[a-z]{3,8} [a-z]{3,8} [0-9]{7}$/);
    fc.assert(
      fc.property(secret, (words) => {
        const fields = ['type', 'active', 'Created Date'];
        for (const field of fields) expect(JSON.stringify(transform('users', { [field]: words }))).not.toContain(words);
        expect(JSON.stringify(transform('bookings', { booking_status: words }))).not.toContain(words);
        expect(JSON.stringify(transform('payments', { payment_amount: words }))).not.toContain(words);
      }),
    );
  });

  it('have a remedy each', () => {
    for (const remedy of Object.values(codes)) expect(remedy).toMatch(/\.$/);
  });
});

describe('a run that names things otherwise', () => {
  const params = plan.params.parse({
    fieldMap: {
      fields: { bookings: { client_id: ['Kunde'], coach_id: ['Trainer'], session_datetime: ['Termin'] } },
      values: { booking_status: { erledigt: 'completed' } },
    },
  });
  it('is understood', () => {
    const raw = { Kunde: '1x1', Trainer: '2x2', Termin: '2024-03-05T15:00:00Z', duration: 60, status: 'Erledigt' };
    expect(plan.entities.bookings.transform(raw, { sourceId, params })).toMatchObject({
      kind: 'row',
      row: { session_datetime: '2024-03-05T15:00:00.000Z', status: 'completed' },
      references: { client_id: { sourceId: '1x1' }, coach_id: { sourceId: '2x2' } },
    });
  });
  it('does not fall back to fields it did not name', () => {
    expect(transform('bookings', {}, params)).toMatchObject({ kind: 'reject', code: 'MISSING_REFERENCE' });
  });
  it('is rejected, not thrown at, when its parameters are none', () => {
    expect(transform('users', {}, { nonsense: 1 })).toMatchObject({ kind: 'reject', code: 'CONFIGURATION' });
  });
});

describe('other parameters', () => {
  it('amountUnit, defaultCurrency', () => {
    const change = { payment_amount: 12050, currency_code: null };
    expect(transform('payments', change, { amountUnit: 'minor', defaultCurrency: 'PHP' })).toMatchObject({
      row: { amount: '120.50', currency: 'PHP' },
      money: { minor: '12050', currency: 'PHP' },
    });
  });
  it('csvTimeZone', () => {
    const change = { session_date: 'Jan 5, 2024 3:04 pm' };
    expect(transform('bookings', change, { csvTimeZone: 'Asia/Manila' })).toMatchObject({
      row: { session_datetime: '2024-01-05T07:04:00.000Z' },
    });
  });
});
