import type { Random } from '../../core/random.ts';
import type { BookingDraft } from './booking-draft.ts';
import { assignIdsAndDates, randomInstantAfter } from './calendar.ts';
import { isClean } from './draft.ts';
import { blockedBy } from './parents.ts';
import { type PaymentDraft, paymentDraft } from './payment-draft.ts';
import { planPayments } from './payment-plans.ts';
import {
  AMOUNT_TRAPS,
  CURRENCY_TRAPS,
  PAYMENT_DEFECTS,
  PAYMENT_STATUS_TRAPS,
  PROVIDER_TRAPS,
} from './payment-traps.ts';
import { applyTraps } from './traps.ts';

const TIES_PER_THOUSAND = 30;

/** Payments for bookings; those of a booking that does not load cannot load either. */
export function makePayments(
  random: Random,
  bookings: readonly BookingDraft[],
  count: number,
  density: number,
): PaymentDraft[] {
  const plans = planPayments(random, bookings, count);
  const at = ({ booking }: { booking: BookingDraft }) => randomInstantAfter(random, booking.createdMs);
  const payments = assignIdsAndDates(random, plans, at, TIES_PER_THOUSAND, density).map((birth) =>
    paymentDraft(birth, random),
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
