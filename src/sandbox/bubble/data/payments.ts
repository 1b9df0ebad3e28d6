import { BASE62, type Random } from '../../core/random.ts';
import type { BookingDraft } from './bookings.ts';
import {
  applyTraps,
  assignIdsAndDates,
  type Draft,
  isClean,
  type PlannedRecord,
  RECONCILED,
  randomInstantAfter,
  type Traps,
} from './drafts.ts';
import type { Currency } from './locales.ts';
import { blockedBy, deletedRecordId } from './users.ts';

const TIES_PER_THOUSAND = 30;

/** Payments for bookings, in order of creation. Payments of a booking that does not load are blocked. */
export function makePayments(
  random: Random,
  bookings: readonly BookingDraft[],
  count: number,
  density: number,
): PaymentDraft[] {
  const plans = planPayments(random, bookings, count);
  const at = ({ booking }: { booking: BookingDraft }) => randomInstantAfter(random, booking.createdMs);
  const payments = assignIdsAndDates(random, plans, at, TIES_PER_THOUSAND, density).map((planned) =>
    paymentDraft(planned, random),
  );
  for (const payment of payments) {
    if (isClean(payment.booking)) continue;
    payment.verdict = blockedBy(payment.booking);
    payment.marks.push({
      trap: payment.booking.verdict.outcome === 'blocked' ? 'booking-blocked' : 'booking-rejected',
    });
  }
  const groups = { PAYMENT_DEFECTS, PAYMENT_STATUS_TRAPS, CURRENCY_TRAPS, AMOUNT_TRAPS, PROVIDER_TRAPS };
  for (const [name, traps] of Object.entries(groups)) applyTraps(random.fork(name), payments, traps, density);
  return payments;
}

/** The share of confirmed and completed bookings that have a payment. */
const PAID_SHARE = 0.92;

/**
 * The bookings that have payments, and the status of each payment: nearly all confirmed and completed ones; then refunds of
 * cancelled ones, fees for missed ones, and failed attempts until there are `count` payments.
 */
function planPayments(random: Random, bookings: readonly BookingDraft[], count: number): PaymentPlan[] {
  if (bookings.length === 0) return [];
  const shuffled = random.shuffle(bookings);
  const plans: PaymentPlan[] = [];
  for (const booking of shuffled) {
    const due = booking.status === 'completed' || booking.status === 'confirmed';
    if (due && random.chance(PAID_SHARE)) plans.push({ booking, status: randomPaymentStatus(random) });
  }
  for (const booking of shuffled) {
    if (booking.status === 'cancelled' && random.chance(0.5)) plans.push({ booking, status: 'refunded' });
    if (booking.status === 'no_show' && random.chance(0.5)) plans.push({ booking, status: 'succeeded' });
  }
  while (plans.length < count) plans.push({ booking: random.pick(shuffled), status: 'failed' });
  return plans.slice(0, count);
}

function randomPaymentStatus(random: Random): PaymentPlan['status'] {
  if (random.chance(0.93)) return 'succeeded';
  return random.pick(['pending', 'refunded', 'failed']);
}

type PaymentStatus = 'pending' | 'succeeded' | 'failed' | 'refunded';

interface PaymentPlan {
  readonly booking: BookingDraft;
  readonly status: PaymentStatus;
}

export interface PaymentDraft extends Draft {
  readonly booking: BookingDraft;
  /** The values that the row's text means; null where the text cannot be read. */
  status: PaymentStatus | null;
  currency: Currency | null;
  minor: number | null;
}

/** A payment without traps, in the currency of the coach's country. */
function paymentDraft({ plan, id, createdMs }: PlannedRecord<PaymentPlan>, random: Random): PaymentDraft {
  const { booking, status } = plan;
  const currency = booking.coach.locale.currency;
  const minor = randomPrice(random, currency);
  return {
    booking,
    status,
    currency,
    minor,
    id,
    createdMs,
    createdBy: booking.client.id,
    verdict: RECONCILED,
    marks: [],
    fields: {
      booking_ref: booking.id,
      payment_amount: major(minor, currency),
      currency_code: currency,
      payment_status: status === 'succeeded' && random.chance(0.6) ? 'success' : status,
      stripe_session: `cs_live_${random.text(24, BASE62)}`,
      stripe_intent: `pi_3${random.text(23, BASE62)}`,
    },
  };
}

/** The number of decimals. */
const EXPONENT: Readonly<Record<Currency, number>> = { USD: 2, EUR: 2, PHP: 2, JPY: 0, KWD: 3 };

/** Units of a currency for a dollar, roughly. */
const PER_DOLLAR: Readonly<Record<Currency, number>> = { USD: 1, EUR: 0.92, PHP: 56, JPY: 150, KWD: 0.307 };

/** A usual price of a coach, in minor units. */
function randomPrice(random: Random, currency: Currency): number {
  const dollars = random.pick([25, 30, 45, 60, 75, 90, 120, 150, 200, 350, 1200]) + random.pick([0, 0, 0, 0.5, 0.99]);
  return Math.max(1, Math.round(dollars * PER_DOLLAR[currency] * 10 ** EXPONENT[currency]));
}

/** The amount in the API's form: a number of major units. Division by a power of ten gives the nearest double, which prints exactly. */
function major(minor: number, currency: Currency): number {
  return minor / 10 ** EXPONENT[currency];
}

/** The amount as text with all decimals: `120.50`. */
function decimal(minor: number, currency: Currency): string {
  return major(minor, currency).toFixed(EXPONENT[currency]);
}

// Traps.

/** Traps for which a payment must be rejected. */
const PAYMENT_DEFECTS: Traps<PaymentDraft> = {
  'currency-unknown': {
    perThousand: 1.5,
    code: 'UNKNOWN_CURRENCY',
    apply: (payment, random) => setCurrency(payment, random.pick(['QQQ', 'DOLLARS', 'U$D'])),
  },
  'currency-missing': {
    perThousand: 0.5,
    code: 'UNKNOWN_CURRENCY',
    apply: (payment) => setCurrency(payment, undefined),
  },
  'amount-zero': { perThousand: 0.8, code: 'BAD_AMOUNT', apply: (payment) => setAmount(payment, 0, 0) },
  'amount-negative': {
    perThousand: 0.8,
    code: 'BAD_AMOUNT',
    apply: (payment) => setAmount(payment, -(payment.fields.payment_amount as number), -(payment.minor ?? 0)),
  },
  'amount-too-fine': { perThousand: 0.8, code: 'BAD_AMOUNT', apply: addExtraDecimal },
  'amount-not-a-number': {
    perThousand: 0.6,
    code: 'BAD_NUMBER',
    apply: (payment, random) => setAmount(payment, random.pick(['about 50', 'free', 'see invoice']), null),
  },
  'booking-deleted': {
    perThousand: 2,
    code: 'ORPHAN',
    apply: (payment, random) => setFields(payment, { booking_ref: deletedRecordId(random) }),
  },
  'booking-missing': {
    perThousand: 0.8,
    code: 'MISSING_REFERENCE',
    apply: (payment) => setFields(payment, { booking_ref: undefined }),
  },
  'status-unknown': {
    perThousand: 1.2,
    code: 'UNKNOWN_STATUS',
    apply: (payment, random) => {
      payment.status = null;
      return setFields(payment, { payment_status: random.pick(['mystery', 'ask Jo', 'limbo']) });
    },
  },
};

const PAYMENT_STATUS_TRAPS: Traps<PaymentDraft> = {
  'status-padded': {
    perThousand: 20,
    appliesTo: (payment) => payment.status === 'succeeded',
    apply: (payment) => {
      payment.fields.payment_status = 'Success ';
      return 'succeeded';
    },
  },
};

const CURRENCY_TRAPS: Traps<PaymentDraft> = {
  'currency-lower-case': {
    perThousand: 100,
    apply: (payment) => setCurrencyText(payment, String(payment.currency).toLowerCase()),
  },
  'currency-padded': { perThousand: 10, apply: (payment) => setCurrencyText(payment, ` ${payment.currency}`) },
};

const AMOUNT_TRAPS: Traps<PaymentDraft> = {
  'amount-as-text': { perThousand: 20, apply: (payment) => setAmountText(payment, (text) => text) },
  'amount-decimal-comma': {
    perThousand: 5,
    appliesTo: hasCents('EUR'),
    apply: (payment) => setAmountText(payment, (text) => text.replace('.', ',')),
  },
  'amount-thousands': {
    perThousand: 5,
    appliesTo: (payment) => hasCents('USD', 'PHP')(payment) && (payment.minor ?? 0) >= 100_000,
    apply: (payment) => setAmountText(payment, (text) => text.replace(/\B(?=(\d{3})+\.)/g, ',')),
  },
};

const PROVIDER_TRAPS: Traps<PaymentDraft> = {
  'paid-in-cash': {
    perThousand: 10,
    apply: (payment) => setFields(payment, { stripe_session: undefined, stripe_intent: undefined }),
  },
  'test-mode': {
    perThousand: 3,
    apply: (payment) =>
      setFields(payment, { stripe_session: String(payment.fields.stripe_session).replace('live', 'test') }),
  },
};

function setFields(payment: PaymentDraft, fields: Record<string, unknown>): undefined {
  Object.assign(payment.fields, fields);
}

function setCurrency(payment: PaymentDraft, code: string | undefined): undefined {
  payment.currency = null;
  payment.fields.currency_code = code;
}

function setAmount(payment: PaymentDraft, value: number | string, minor: number | null): undefined {
  payment.minor = minor;
  payment.fields.payment_amount = value;
}

/** Adds a decimal more than the currency has: half a cent, half a yen, half a fils. */
function addExtraDecimal(payment: PaymentDraft): undefined {
  if (payment.currency === null || payment.minor === null) return;
  setAmount(payment, major(payment.minor * 10 + 5, payment.currency) / 10, null);
}

function setCurrencyText(payment: PaymentDraft, text: string): string {
  payment.fields.currency_code = text;
  return String(payment.currency);
}

function hasCents(...currencies: readonly Currency[]): (payment: PaymentDraft) => boolean {
  return (payment) =>
    isClean(payment) &&
    payment.currency !== null &&
    currencies.includes(payment.currency) &&
    EXPONENT[payment.currency] === 2;
}

/** Writes the amount as formatted text; returns the minor units that it means. */
function setAmountText(payment: PaymentDraft, format: (text: string) => string): string {
  payment.fields.payment_amount = format(decimal(payment.minor ?? 0, payment.currency ?? 'USD'));
  return String(payment.minor);
}
