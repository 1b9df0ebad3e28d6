import { BUBBLE_TYPES, type BubbleType } from '../schema.ts';
import type { BookingDraft } from './booking-draft.ts';
import { type Draft, type ExpectedOutcome, isClean, type Outcome } from './draft.ts';
import type { PaymentDraft } from './payment-draft.ts';
import { type Sums, sumsOf } from './sums.ts';

/** All records of a generated application, each with its verdict and the traps it carries. */
export interface Drafts {
  readonly user: readonly Draft[];
  readonly clientprofile: readonly Draft[];
  readonly coachprofile: readonly Draft[];
  readonly booking: readonly BookingDraft[];
  readonly payment: readonly PaymentDraft[];
}

/** Who carries one trap. All of them have the same outcome. */
export interface TrapManifest {
  readonly outcome: Outcome;
  readonly code?: string;
  readonly count: number;
  readonly ids: string[];
  /** By id: what the spoiled value means, where a mover has to work it out. */
  readonly means?: Record<string, string>;
}

export interface TypeManifest {
  readonly total: number;
  readonly outcomes: Record<Outcome, number>;
  /** How many by code, for those not reconciled. */
  readonly codes: Record<string, number>;
  /** By id, for those not reconciled. Everybody else must arrive. */
  readonly verdicts: Record<string, ExpectedOutcome>;
  readonly traps: Record<string, TrapManifest>;
}

/** What is in the data and what a correct mover makes of it, known by construction and not by reading the data again. */
export interface Manifest {
  readonly seed: number;
  readonly users: number;
  readonly types: Record<BubbleType, TypeManifest>;
  readonly sums: Sums;
  /** Bookings that arrive, with a status that calls for a payment, and of whose payments none arrives. */
  readonly unpaidBookings: { readonly confirmed: string[]; readonly completed: string[] };
}

export function manifestOf(drafts: Drafts, seed: number): Manifest {
  const types = Object.fromEntries(BUBBLE_TYPES.map((type) => [type, typeManifest(drafts[type])]));
  return {
    seed,
    users: drafts.user.length,
    types: types as Record<BubbleType, TypeManifest>,
    sums: sumsOf(drafts.payment),
    unpaidBookings: { confirmed: unpaid(drafts, 'confirmed'), completed: unpaid(drafts, 'completed') },
  };
}

function typeManifest(drafts: readonly Draft[]): TypeManifest {
  const outcomes: Record<Outcome, number> = { reconciled: 0, skipped: 0, rejected: 0, blocked: 0 };
  const codes: Record<string, number> = {};
  const verdicts: Record<string, ExpectedOutcome> = {};
  for (const { id, verdict } of drafts) {
    outcomes[verdict.outcome]++;
    if (verdict.code === undefined) continue;
    codes[verdict.code] = (codes[verdict.code] ?? 0) + 1;
    verdicts[id] = verdict;
  }
  return { total: drafts.length, outcomes, codes, verdicts, traps: trapManifests(drafts) };
}

function trapManifests(drafts: readonly Draft[]): Record<string, TrapManifest> {
  const traps: Record<
    string,
    { outcome: Outcome; code?: string; count: number; ids: string[]; means?: Record<string, string> }
  > = {};
  for (const { id, verdict, marks } of drafts) {
    for (const { trap, means } of marks) {
      const { outcome, code } = verdict;
      traps[trap] ??= { outcome, ...(code === undefined ? {} : { code }), count: 0, ids: [] };
      const entry = traps[trap];
      entry.count++;
      entry.ids.push(id);
      if (means === undefined) continue;
      entry.means ??= {};
      entry.means[id] = means;
    }
  }
  return traps;
}

function unpaid(drafts: Drafts, status: 'confirmed' | 'completed'): string[] {
  const paid = new Set(drafts.payment.filter(isClean).map((payment) => payment.booking));
  return drafts.booking
    .filter((booking) => isClean(booking) && booking.status === status && !paid.has(booking))
    .map(({ id }) => id);
}
