import { z } from 'zod';
import { emailKey } from '../../email.ts';
import { DroverError } from '../../errors.ts';
import { numericToMinor, parseAmountText, parseCurrency, toMinor } from '../../money.ts';
import type { Entity, Page, RecordMoney, Source, SourceContext, TransformOutcome } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { TableRow } from '../../sources/postgres/table.ts';
import { readContact } from './contact.ts';
import { openBookings, parseParams } from './params.ts';
import { personId } from './people-source.ts';
import { textOf } from './text.ts';

const rowsPerPage = 1_000;
const cursorSchema = z.object({ after: z.string().nullable(), upTo: z.string() });

/** Bookings for which a payment was made, by the document. */
const paidStatuses = new Set(['PAID', 'COMPLETED', 'ATTENDED']);
/** Bookings for which nothing was paid, or nothing stayed paid. Any other word is refused: it might mean money. */
const unpaidStatuses = new Set(
  [
    'PENDING',
    'CONFIRMED',
    'BOOKED',
    'DRAFT',
    'NEW',
    'HELD',
    'EXPIRED',
    'FAILED',
    'CANCELLED',
    'CANCELED',
    'REJECTED',
  ].concat(['DECLINED', 'NO_SHOW', 'UNPAID', 'WAITLISTED', 'PENDING_PAYMENT', 'AWAITING_PAYMENT']),
);

/** The bookings, up to the highest key at the beginning, so that reading ends while others are writing. */
export function bookingsSource(context: SourceContext): Source {
  const table = openBookings(context);
  const toRecord = ({ key, values }: TableRow) => ({ sourceId: key, raw: values });
  return {
    async read(cursor, { ids }): Promise<Page> {
      if (ids !== undefined) return { records: (await table.rowsOf(ids)).map(toRecord), cursor: null };
      const place = cursor === null ? { after: null, upTo: await table.highestKey() } : cursorSchema.parse(cursor);
      if (place.upTo === null) return { records: [], cursor: null, watermark: new Date().toISOString() };
      const rows = await table.page({ after: place.after, upTo: place.upTo, limit: rowsPerPage });
      const last = rows.at(-1);
      return {
        records: rows.map(toRecord),
        cursor: last === undefined || rows.length < rowsPerPage ? null : { after: last.key, upTo: place.upTo },
        watermark: new Date().toISOString(),
      };
    },
  };
}

/** `No show`, `no-show` and `NO_SHOW` are one word. */
const statusWord = (text: string): string =>
  text
    .normalize('NFC')
    .trim()
    .toUpperCase()
    .replace(/[\s-]+/g, '_');

interface Reason {
  readonly code: string;
  readonly field: string;
  readonly message: string;
}

/** The amount in minor units, or why there is none. */
function readMoney(raw: JsonObject, fallback: string | undefined): RecordMoney | Reason {
  const written = textOf(raw.currency) ?? fallback;
  if (written === undefined)
    return { code: 'UNKNOWN_CURRENCY', field: 'currency', message: 'is missing; start with --param currency=USD' };
  const currency = parseCurrency(written);
  if (currency === undefined) return { code: 'UNKNOWN_CURRENCY', field: 'currency', message: 'is no code of ISO 4217' };
  const { amount } = raw;
  if (amount === null || amount === undefined || amount === '')
    return { code: 'NO_AMOUNT', field: 'amount', message: 'is missing' };
  try {
    if (typeof amount !== 'number' && typeof amount !== 'string') throw new DroverError('BAD_AMOUNT', 'is no number');
    // A double holds what was written only to its own precision: 0.1 + 0.2 is 30 cents.
    const minor = typeof amount === 'number' ? doubleToMinor(amount, currency) : textToMinor(amount, currency);
    if (minor < 0n) return { code: 'BAD_AMOUNT', field: 'amount', message: 'is below zero' };
    return { minor: String(minor), currency, status: 'succeeded' };
  } catch {
    return { code: 'BAD_AMOUNT', field: 'amount', message: 'cannot be read as an amount of its currency' };
  }
}

function textToMinor(amount: string, currency: string): bigint {
  const plain = parseAmountText(amount.trim(), currency);
  if (plain === undefined) throw new DroverError('BAD_AMOUNT', 'can be read in more than one way, or in none');
  return toMinor(plain, currency);
}

/** An amount in a column of type double, rounded to 15 significant digits, which is what a double can hold of a decimal. */
function doubleToMinor(amount: number, currency: string): bigint {
  return numericToMinor(Number(amount.toPrecision(15)), currency);
}

function transformBooking(raw: JsonObject, sourceId: string, params: JsonObject): TransformOutcome {
  const { currency, unpaidStatuses: more = [] } = parseParams(params);
  const status = textOf(raw.status);
  if (status === null) return reject({ code: 'UNKNOWN_STATUS', field: 'status', message: 'is missing' });
  const word = statusWord(status);
  if (!paidStatuses.has(word)) {
    const isKnown = unpaidStatuses.has(word) || more.some((one) => statusWord(one) === word);
    if (isKnown) return { kind: 'skip', code: 'NOT_PAID', message: `the booking is ${word.toLowerCase()}` };
    const message =
      'is no status that is known; bookings that nothing was paid for are named with --param unpaidStatuses';
    return reject({ code: 'UNKNOWN_STATUS', field: 'status', message });
  }
  const money = readMoney(raw, currency);
  if ('code' in money) return reject(money);
  const paidAt = readInstant(raw.paidAt);
  const createdAt = readInstant(raw.createdAt);
  if (paidAt === undefined || createdAt === undefined)
    return reject(
      { code: 'BAD_DATE', field: paidAt === undefined ? 'paidAt' : 'createdAt', message: 'cannot be read' },
      money,
    );
  if (paidAt === null && createdAt === null)
    return reject(
      { code: 'BAD_DATE', field: 'paidAt', message: 'is missing, and so is the date of the booking' },
      money,
    );
  const reference = textOf(raw.reference);
  const contact = readContact(raw.contact);
  const key = contact ? emailKey(contact.email) : null;
  const notes = [
    ...(reference === null ? ['the booking has no reference: its id takes the place'] : []),
    ...(paidAt === null ? ['paid at the date of the booking: it has no date of payment'] : []),
    ...(key === null ? ['of no user: the booking has no usable e-mail address'] : []),
  ];
  return {
    kind: 'row',
    row: {
      booking_id: sourceId,
      payment_reference: `MIGRATED-${reference ?? sourceId}`,
      amount: money.minor,
      currency: money.currency,
      charge_status: money.status,
      method: textOf(raw.method) ?? 'card',
      paid_at: paidAt ?? createdAt,
      provider: 'migrated',
      provider_payment_id: textOf(raw.paymentIntent),
    },
    ...(key === null ? {} : { references: { user_id: { entity: 'users', sourceId: personId(key) } } }),
    money,
    ...(notes.length > 0 ? { notes } : {}),
  };
}

function reject({ code, field, message }: Reason, money?: RecordMoney): TransformOutcome {
  return { kind: 'reject', code, field, message, ...(money ? { money } : {}) };
}

/** Null when there is none, undefined when it cannot be read (a text column, `infinity`). */
function readInstant(value: Json | undefined): string | null | undefined {
  const text = textOf(value);
  if (text === null) return null;
  // As PostgreSQL writes it in UTC, or ISO 8601 with a zone.
  const time = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$/.test(text)
    ? Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))
    : Number.NaN;
  return Number.isNaN(time) ? undefined : text;
}

export const payments = {
  title: 'Payments',
  dependsOn: ['users'],
  source: bookingsSource,
  schema: z.looseObject({}) as unknown as z.ZodType<JsonObject>,
  transform: (raw, { sourceId, params }) => transformBooking(raw, sourceId, params),
  target: {
    kind: 'postgres',
    table: 'payments',
    naturalKey: ['payment_reference'],
    columns: {
      user_id: { type: 'uuid', nullable: true, references: 'users' },
      booking_id: { type: 'text', nullable: true, indexed: true },
      payment_reference: { type: 'text', unique: true },
      // Minor units.
      amount: { type: 'bigint' },
      currency: { type: 'text' },
      // What became of the charge at its time. The payment's status follows from its entries; see tables/money.ts.
      charge_status: { type: 'text' },
      method: { type: 'text', nullable: true },
      paid_at: { type: 'timestamptz', nullable: true },
      provider: { type: 'text' },
      provider_payment_id: { type: 'text', nullable: true, unique: true },
      created_at: { type: 'timestamptz', default: 'now()', writeTimestamp: true },
    },
  },
  money: { amount: 'amount', currency: 'currency', status: 'charge_status' },
  rawMoney: {
    amount: 'amount',
    currency: 'currency',
    pick: ({ amount, currency }, { params }) => {
      const code = /^\s*([a-z]{3})\s*$/i.exec(String(currency || params.currency || ''))?.[1];
      return { amount, currency: code?.toUpperCase() };
    },
  },
} satisfies Entity;
