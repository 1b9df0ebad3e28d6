import type { Random } from '../../core/random.ts';
import type { BookingDraft } from './booking-draft.ts';
import type { PaymentPlan } from './payment-draft.ts';

/** Of the bookings that should be paid for, how many are. */
const PAID = 0.92;

/**
 * Which bookings are paid for, and how it went: nearly all that are confirmed or took place; then refunds of cancelled ones, fees for
 * those missed, and attempts that failed before one went through, until there are `count`.
 */
export function planPayments(random: Random, bookings: readonly BookingDraft[], count: number): PaymentPlan[] {
  if (bookings.length === 0) return [];
  const shuffled = random.shuffle(bookings);
  const plans: PaymentPlan[] = [];
  for (const booking of shuffled) {
    const due = booking.status === 'completed' || booking.status === 'confirmed';
    if (due && random.chance(PAID)) plans.push({ booking, status: randomPaymentStatus(random) });
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
