import { isClean } from './draft.ts';
import type { Currency } from './locales.ts';
import { decimal, EXPONENT, major } from './money.ts';
import { deletedRecordId } from './parents.ts';
import type { PaymentDraft } from './payment-draft.ts';
import type { Traps } from './traps.ts';

/** Payments that must be rejected. */
export const PAYMENT_DEFECTS: Traps<PaymentDraft> = {
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

export const PAYMENT_STATUS_TRAPS: Traps<PaymentDraft> = {
  'status-padded': {
    perThousand: 20,
    appliesTo: (payment) => payment.status === 'succeeded',
    apply: (payment) => {
      payment.fields.payment_status = 'Success ';
      return 'succeeded';
    },
  },
};

export const CURRENCY_TRAPS: Traps<PaymentDraft> = {
  'currency-lower-case': {
    perThousand: 100,
    apply: (payment) => setCurrencyText(payment, String(payment.currency).toLowerCase()),
  },
  'currency-padded': { perThousand: 10, apply: (payment) => setCurrencyText(payment, ` ${payment.currency}`) },
};

export const AMOUNT_TRAPS: Traps<PaymentDraft> = {
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

export const PROVIDER_TRAPS: Traps<PaymentDraft> = {
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

function setAmount(payment: PaymentDraft, written: number | string, minor: number | null): undefined {
  payment.minor = minor;
  payment.fields.payment_amount = written;
}

/** Adds a decimal that the currency has not: half a cent, half a yen, a tenth of a fils. */
function addExtraDecimal(payment: PaymentDraft): undefined {
  if (payment.currency === null || payment.minor === null) return;
  setAmount(payment, major(payment.minor * 10 + 5, payment.currency) / 10, null);
}

function setCurrencyText(payment: PaymentDraft, spelled: string): string {
  payment.fields.currency_code = spelled;
  return String(payment.currency);
}

function hasCents(...currencies: readonly Currency[]): (payment: PaymentDraft) => boolean {
  return (payment) =>
    isClean(payment) &&
    payment.currency !== null &&
    currencies.includes(payment.currency) &&
    EXPONENT[payment.currency] === 2;
}

/** Writes the amount as text in some fashion; returns the minor units it means. */
function setAmountText(payment: PaymentDraft, fashion: (text: string) => string): string {
  payment.fields.payment_amount = fashion(decimal(payment.minor ?? 0, payment.currency ?? 'USD'));
  return String(payment.minor);
}
