import type { Random } from '../../core/random.ts';
import { type BookingDraft, type BookingPlan, bookingDraft } from './booking-draft.ts';
import { BOOKING_DEFECTS, BOOKING_TRAPS, STATUS_TRAPS } from './booking-traps.ts';
import { assignIdsAndDates, randomInstantAfter } from './calendar.ts';
import { isClean } from './draft.ts';
import { blockedBy, loadsOrMerges } from './parents.ts';
import { applyTraps, scaledCount } from './traps.ts';
import type { UserDraft } from './user-draft.ts';

/** 300 of 12,000 came with a bulk import. */
const TIES_PER_THOUSAND = 25;
/** Of a thousand bookings, how many are with somebody whose own record must be rejected. */
const BLOCKED_PER_THOUSAND = 2.5;
/** And how many with an account that a merge makes superfluous. */
const MERGED_PER_THOUSAND = 10;

/** Bookings of clients with coaches. None without a coach. */
export function makeBookings(
  random: Random,
  users: readonly UserDraft[],
  count: number,
  density: number,
): BookingDraft[] {
  const plans = planBookings(random, users, count, density);
  const latest = (plan: BookingPlan) => Math.max(plan.client.createdMs, plan.coach.createdMs);
  const bookings = assignIdsAndDates(
    random,
    plans,
    (plan) => randomInstantAfter(random, latest(plan)),
    TIES_PER_THOUSAND,
    density,
  ).map((birth) => bookingDraft(birth, random));
  for (const booking of bookings) applyParentOutcomes(booking);
  const ordinary = bookings.filter((booking) => booking.marks.length === 0);
  applyTraps(random.fork('defects'), ordinary, BOOKING_DEFECTS, density, bookings.length);
  const groups = { STATUS_TRAPS, BOOKING_TRAPS };
  for (const [name, traps] of Object.entries(groups)) applyTraps(random.fork(name), bookings, traps, density);
  return bookings;
}

function planBookings(random: Random, users: readonly UserDraft[], count: number, density: number): BookingPlan[] {
  const coaches = users.filter((user) => user.role === 'coach' && isClean(user));
  const clients = users.filter((user) => user.role === 'seeker' && isClean(user));
  const merged = users.filter((user) => user.survivor !== undefined);
  const rejected = users.filter((user) => !loadsOrMerges(user));
  if (coaches.length === 0 || clients.length === 0) return [];
  const ofRejected = rejected.length === 0 ? 0 : scaledCount(BLOCKED_PER_THOUSAND, count, density);
  const ofMerged = merged.length === 0 ? 0 : scaledCount(MERGED_PER_THOUSAND, count, density);
  return Array.from({ length: count }, (_, i) => {
    const ordinary = { client: random.pick(clients), coach: random.pick(coaches) };
    if (i >= ofRejected + ofMerged) return ordinary;
    const odd = random.pick(i < ofRejected ? rejected : merged);
    return odd.role === 'coach' ? { ...ordinary, coach: odd } : { ...ordinary, client: odd };
  });
}

function applyParentOutcomes(booking: BookingDraft): void {
  for (const person of [booking.client, booking.coach]) {
    if (person.survivor !== undefined) booking.marks.push({ trap: 'person-merged', means: person.survivor.id });
    if (loadsOrMerges(person)) continue;
    booking.verdict = blockedBy(person);
    booking.marks.push({ trap: 'person-rejected' });
  }
}
