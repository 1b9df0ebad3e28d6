import { beforeAll, describe, expect, it } from 'vitest';
import { type Generated, generate } from '../../../src/sandbox/bubble/data/generate.ts';
import { BUBBLE_TYPES, type BubbleType, type Row } from '../../../src/sandbox/bubble/schema.ts';

// The manifest is recorded during generation. These tests derive the outcomes again from the rows alone, as a correct mover would.

type Verdicts = Map<string, string>;

let made: Generated;

beforeAll(() => {
  made = generate({ seed: 7, users: 5000, dirt: 1 });
});

function addressOf(user: Row): string {
  const signIn = (user.authentication ?? {}) as Record<string, { email?: string }>;
  const raw = signIn.email?.email ?? signIn.Google?.email ?? signIn.LinkedIn?.email ?? user.email ?? '';
  return String(raw)
    .replace(/[\u200b-\u200d\ufeff]/g, '')
    .trim()
    .toLowerCase();
}

const byAge = (a: Row, b: Row) => {
  if (a['Created Date'] !== b['Created Date']) return a['Created Date'] < b['Created Date'] ? -1 : 1;
  return a._id < b._id ? -1 : 1;
};

function userOutcomes(users: readonly Row[]): { verdicts: Verdicts; survivor: Map<string, string> } {
  const verdicts: Verdicts = new Map();
  const survivor = new Map<string, string>();
  const first = new Map<string, string>();
  for (const user of [...users].sort(byAge)) {
    const address = addressOf(user);
    const role = String(user.type ?? '')
      .trim()
      .toLowerCase();
    if (!/^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$/.test(address)) verdicts.set(user._id, 'BAD_EMAIL');
    else if (!['seeker', 'coach'].includes(role)) verdicts.set(user._id, 'UNKNOWN_ROLE');
    else if (first.has(address)) verdicts.set(user._id, 'MERGED');
    else first.set(address, user._id);
    survivor.set(user._id, first.get(address) ?? user._id);
  }
  return { verdicts, survivor };
}

function numberOf(value: unknown): number {
  const text = String(value).trim().replace(/^\$/, '').replace(/\/hr$/, '');
  const plain = /,\d\d$/.test(text) ? text.replace(',', '.') : text.replaceAll(',', '');
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : Number.NaN;
}

function profileOutcomes(profiles: readonly Row[], users: ReturnType<typeof userOutcomes>): Verdicts {
  const verdicts: Verdicts = new Map();
  const seen = new Set<string>();
  for (const profile of [...profiles].sort(byAge)) {
    const code = profileCode(profile, users);
    const person = users.survivor.get(String(profile.user_id)) ?? '';
    if (code !== undefined) verdicts.set(profile._id, code);
    else if (seen.has(person)) verdicts.set(profile._id, 'DUPLICATE_PROFILE');
    else seen.add(person);
  }
  return verdicts;
}

function profileCode(profile: Row, users: ReturnType<typeof userOutcomes>): string | undefined {
  const parent = parentCode([profile.user_id], users.survivor, users.verdicts);
  if (parent !== undefined) return parent;
  if (profile.rate === undefined) return undefined;
  const rate = numberOf(profile.rate);
  if (Number.isNaN(rate)) return 'BAD_NUMBER';
  return rate < 25 || rate > 500 ? 'RATE_OUT_OF_RANGE' : undefined;
}

function parentCode(
  ids: readonly unknown[],
  known: { has(id: string): boolean },
  verdicts: Verdicts,
): string | undefined {
  if (ids.includes(undefined)) return 'MISSING_REFERENCE';
  if (!ids.every((id) => known.has(String(id)))) return 'ORPHAN';
  const isRejected = ids.some((id) => (verdicts.get(String(id)) ?? 'MERGED') !== 'MERGED');
  return isRejected ? 'PARENT_REJECTED' : undefined;
}

function bookingCode(booking: Row, users: ReturnType<typeof userOutcomes>): string | undefined {
  const parent = parentCode([booking.client_user_id, booking.coach_user_id], users.survivor, users.verdicts);
  if (parent !== undefined) return parent;
  const date = String(booking.session_date);
  const time = Date.parse(date);
  if (Number.isNaN(time) || new Date(time).toISOString() !== date) return 'BAD_DATE';
  const minutes = numberOf(booking.duration);
  if (Number.isNaN(minutes)) return 'BAD_NUMBER';
  if (minutes <= 0) return 'BAD_DURATION';
  const status = String(booking.booking_status).trim().toLowerCase();
  const known = ['pending', 'confirmed', 'complete', 'completed', 'cancelled', 'canceled', 'no_show'];
  return known.includes(status) ? undefined : 'UNKNOWN_STATUS';
}

const DECIMALS: Record<string, number> = { USD: 2, EUR: 2, PHP: 2, JPY: 0, KWD: 3 };
const STATUS: Record<string, string> = {
  success: 'succeeded',
  succeeded: 'succeeded',
  pending: 'pending',
  failed: 'failed',
  refunded: 'refunded',
};

const currencyOf = (payment: Row) =>
  String(payment.currency_code ?? '')
    .trim()
    .toUpperCase();
const statusOf = (payment: Row) => STATUS[String(payment.payment_status).trim().toLowerCase()];

/** The amount in minor units, by moving the decimal point in the text. */
function minorOf(payment: Row): bigint | undefined {
  const amount = numberOf(payment.payment_amount);
  const [whole, fraction = ''] = String(amount).split('.');
  const digits = DECIMALS[currencyOf(payment)] ?? 0;
  return Number.isNaN(amount) || fraction.length > digits
    ? undefined
    : BigInt(`${whole}${fraction.padEnd(digits, '0')}`);
}

function paymentCode(payment: Row, bookings: Verdicts, known: Set<string>): string | undefined {
  const parent = parentCode([payment.booking_ref], known, bookings);
  if (parent !== undefined) return parent;
  if (DECIMALS[currencyOf(payment)] === undefined) return 'UNKNOWN_CURRENCY';
  if (Number.isNaN(numberOf(payment.payment_amount))) return 'BAD_NUMBER';
  if ((minorOf(payment) ?? 0n) <= 0n) return 'BAD_AMOUNT';
  return statusOf(payment) === undefined ? 'UNKNOWN_STATUS' : undefined;
}

function outcomesOf(rows: Readonly<Record<BubbleType, readonly Row[]>>): Record<BubbleType, Verdicts> {
  const users = userOutcomes(rows.user);
  const codes = (type: BubbleType, code: (row: Row) => string | undefined): Verdicts =>
    new Map(rows[type].map((row): [string, string] => [row._id, code(row) ?? '']).filter(([, found]) => found !== ''));
  const booking = codes('booking', (row) => bookingCode(row, users));
  const known = new Set(rows.booking.map(({ _id }) => _id));
  return {
    user: users.verdicts,
    clientprofile: profileOutcomes(rows.clientprofile, users),
    coachprofile: profileOutcomes(rows.coachprofile, users),
    booking,
    payment: codes('payment', (row) => paymentCode(row, booking, known)),
  };
}

describe('the manifest', () => {
  it.each([
    [7, 5000],
    [1, 5000],
    [2, 300],
    [3, 40],
    [4, 12],
  ])('agrees with the outcomes derived from the rows: seed %i, %i users', (seed, users) => {
    const { rows, manifest } = generate({ seed, users, dirt: 1 });
    const derived = outcomesOf(rows);
    for (const type of BUBBLE_TYPES) {
      const codes = Object.entries(manifest.types[type].verdicts).map(([id, { code }]) => [id, code]);
      expect(Object.fromEntries(derived[type]), type).toEqual(Object.fromEntries(codes));
    }
  });

  it('has the survivor of a merge and the parent that blocks a record', () => {
    const { rows, manifest } = made;
    const { survivor } = userOutcomes(rows.user);
    for (const [id, verdict] of Object.entries(manifest.types.user.verdicts)) {
      if (verdict.code === 'MERGED') expect(verdict.survivor).toBe(survivor.get(id));
    }
    const rejected = { ...manifest.types.user.verdicts, ...manifest.types.booking.verdicts };
    for (const type of BUBBLE_TYPES) {
      for (const { code, blockedBy } of Object.values(manifest.types[type].verdicts)) {
        if (code === 'PARENT_REJECTED') expect(['rejected', 'blocked']).toContain(rejected[String(blockedBy)]?.outcome);
      }
    }
  });

  it('has exact sums in minor units', () => {
    const { rows, manifest } = made;
    const sums = new Map<string, bigint>();
    for (const payment of rows.payment) {
      if (manifest.types.payment.verdicts[payment._id] !== undefined) continue;
      const key = `${currencyOf(payment)} ${statusOf(payment)}`;
      sums.set(key, (sums.get(key) ?? 0n) + (minorOf(payment) ?? 0n));
    }
    const stated = manifest.sums.reconciled.map(({ currency, status, amount }) => [`${currency} ${status}`, amount]);
    expect(Object.fromEntries([...sums].map(([key, sum]) => [key, String(sum)]))).toEqual(Object.fromEntries(stated));
    expect(new Set(manifest.sums.reconciled.map(({ currency }) => currency))).toEqual(new Set(Object.keys(DECIMALS)));
  });

  it('is consistent: one outcome for every record and for every trap', () => {
    for (const type of BUBBLE_TYPES) {
      const { total, outcomes, codes, verdicts, traps } = made.manifest.types[type];
      expect(Object.values(outcomes).reduce((a, b) => a + b)).toBe(total);
      expect(Object.values(codes).reduce((a, b) => a + b)).toBe(total - outcomes.reconciled);
      for (const [name, trap] of Object.entries(traps)) {
        expect(trap.ids).toHaveLength(trap.count);
        for (const id of trap.ids) expect(verdicts[id]?.code, `${type} ${name} ${id}`).toBe(trap.code);
      }
    }
  });
});

describe('the data', () => {
  it('has the record counts that the demo describes', () => {
    const count = (type: BubbleType) => made.rows[type].length;
    expect([count('user'), count('clientprofile') + count('coachprofile')]).toEqual([5000, 5000]);
    expect([count('booking'), count('payment')]).toEqual([12_000, 10_000]);
    expect(made.manifest.types.user.traps['password-plain']?.count).toBe(100);
  });

  it('is the same for the same seed, and different for another', () => {
    expect(generate({ seed: 7, users: 5000, dirt: 1 })).toEqual(made);
    expect(generate({ seed: 8, users: 50, dirt: 1 }).rows).not.toEqual(generate({ seed: 7, users: 50, dirt: 1 }).rows);
  });

  it('has unique ids, and a bulk import of 300 rows in one millisecond', () => {
    for (const type of BUBBLE_TYPES) {
      expect(new Set(made.rows[type].map(({ _id }) => _id)).size).toBe(made.rows[type].length);
    }
    for (const type of ['user', 'booking', 'payment'] as const) {
      const dates = new Map<string, number>();
      for (const row of made.rows[type]) dates.set(row['Created Date'], (dates.get(row['Created Date']) ?? 0) + 1);
      expect(Math.max(...dates.values())).toBeGreaterThanOrEqual(300);
    }
  });

  it('has no traps with dirt 0', () => {
    const { manifest } = generate({ seed: 7, users: 500, dirt: 0 });
    for (const type of BUBBLE_TYPES) {
      expect(manifest.types[type].outcomes.reconciled).toBe(manifest.types[type].total);
      expect(manifest.types[type].traps).toEqual({});
    }
  });

  it('may be empty', () => {
    expect(generate({ seed: 7, users: 0, dirt: 1 }).rows.payment).toEqual([]);
  });
});
