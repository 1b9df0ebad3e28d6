import type { Random } from '../../core/random.ts';
import type { BookingDraft } from './booking-draft.ts';
import type { PlannedRecord } from './calendar.ts';
import { type Draft, RECONCILED } from './draft.ts';
import type { Currency } from './locales.ts';
import { major, randomPrice } from './money.ts';

export type PaymentStatus = 'pending' | 'succeeded' | 'failed' | 'refunded';

export interface PaymentPlan {
  readonly booking: BookingDraft;
  readonly status: PaymentStatus;
}

export interface PaymentDraft extends Draft {
  readonly booking: BookingDraft;
  /** What the fields mean, however they are spelled; null where they mean nothing. */
  status: PaymentStatus | null;
  currency: Currency | null;
  minor: number | null;
}

/** An ordinary payment, in the currency of the coach's country. */
export function paymentDraft({ plan, id, createdMs }: PlannedRecord<PaymentPlan>, random: Random): PaymentDraft {
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

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
