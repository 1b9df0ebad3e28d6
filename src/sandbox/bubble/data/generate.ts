import { Random } from '../../core/random.ts';
import { BUBBLE_TYPES, type BubbleType, type Row } from '../schema.ts';
import type { Rows } from '../store.ts';
import { type BookingDraft, makeBookings } from './bookings.ts';
import { DAY, type Draft, type ExpectedOutcome, isClean, type Outcome, toRow } from './drafts.ts';
import { makePayments, type PaymentDraft } from './payments.ts';
import { makeProfiles } from './profiles.ts';
import { makeUsers } from './users.ts';

interface GenerateOptions {
  readonly seed: number;
  readonly users: number;
  /** How dirty the data is: 1 for the shares in the trap tables, 0 for clean data, other values in proportion. */
  readonly dirt: number;
}

export interface Generated {
  readonly rows: Rows;
  readonly manifest: Manifest;
}

const BOOKINGS_PER_USER = 2.4;
const PAYMENTS_PER_USER = 2;

/** Generates an application's data: the same for the same options on every machine. */
export function generate({ seed, users: count, dirt }: GenerateOptions): Generated {
  const random = new Random(seed);
  const user = makeUsers(random.fork('users'), count, dirt);
  const clientprofile = makeProfiles(random.fork('client profiles'), user, 'seeker', dirt);
  const coachprofile = makeProfiles(random.fork('coach profiles'), user, 'coach', dirt);
  const booking = makeBookings(random.fork('bookings'), user, Math.round(count * BOOKINGS_PER_USER), dirt);
  const payment = makePayments(random.fork('payments'), booking, count * PAYMENTS_PER_USER, dirt);
  const drafts: Drafts = { user, clientprofile, coachprofile, booking, payment };
  for (const type of BUBBLE_TYPES) markNaturalTraps(drafts[type]);
  return { rows: toRows(drafts, random.fork('changes')), manifest: manifestOf(drafts, seed) };
}

/** The rows of all drafts. Seven of ten were changed up to ninety days after their creation. */
function toRows(drafts: Drafts, random: Random): Rows {
  const rows = BUBBLE_TYPES.map((type): [string, Row[]] => [
    type,
    drafts[type].map((draft) => toRow(draft, draft.createdMs + (random.chance(0.3) ? 0 : random.int(0, 90 * DAY)))),
  ]);
  return Object.fromEntries(rows) as unknown as Rows;
}

/** Records the traps that no trap table applies: ids of an unusual format, and creation dates that several records share. */
function markNaturalTraps(drafts: readonly Draft[]): void {
  drafts.forEach((draft, i) => {
    if (!isClean(draft)) return;
    if (!/^\d{13}x\d{18}$/.test(draft.id)) draft.marks.push({ trap: 'id-odd' });
    const tied = [drafts[i - 1], drafts[i + 1]].some((other) => other?.createdMs === draft.createdMs);
    if (tied) draft.marks.push({ trap: 'created-date-tied' });
  });
}

/** All records of a generated application, each with its expected outcome and its traps. */
interface Drafts {
  readonly user: readonly Draft[];
  readonly clientprofile: readonly Draft[];
  readonly coachprofile: readonly Draft[];
  readonly booking: readonly BookingDraft[];
  readonly payment: readonly PaymentDraft[];
}

// The manifest.

/** The records with one trap. All of them have the same expected outcome. */
interface TrapManifest {
  readonly outcome: Outcome;
  readonly code?: string;
  readonly count: number;
  readonly ids: string[];
  /** By id: the value that the mover must read, where it is not obvious. */
  readonly means?: Record<string, string>;
}

interface TypeManifest {
  readonly total: number;
  readonly outcomes: Record<Outcome, number>;
  /** The number of records by code, for those not reconciled. */
  readonly codes: Record<string, number>;
  /** By id, for those not reconciled. All others must be reconciled. */
  readonly verdicts: Record<string, ExpectedOutcome>;
  readonly traps: Record<string, TrapManifest>;
}

/** The contents of the data and the outcome of a correct migration. Recorded during generation, not read from the rows. */
export interface Manifest {
  readonly seed: number;
  readonly users: number;
  readonly types: Record<BubbleType, TypeManifest>;
  readonly sums: Sums;
  /** Bookings that are reconciled, have a status that needs a payment, and none of whose payments is reconciled. */
  readonly unpaidBookings: { readonly confirmed: string[]; readonly completed: string[] };
}

function manifestOf(drafts: Drafts, seed: number): Manifest {
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

/** The sum of the payments of one currency and one status. */
interface Sum {
  readonly currency: string;
  readonly status: string;
  readonly count: number;
  /** Minor units, as text: sums may exceed what a JSON number holds exactly. */
  readonly amount: string;
}

export interface Sums {
  /** Of the payments that must be reconciled: the sums that the target must have. */
  readonly reconciled: readonly Sum[];
  /** Of all payments whose amount and currency can be read, including zero and negative amounts and unknown statuses (`unknown`). */
  readonly readable: readonly Sum[];
}

function sumsOf(payments: readonly PaymentDraft[]): Sums {
  return { reconciled: sumPayments(payments.filter(isClean)), readable: sumPayments(payments) };
}

function sumPayments(payments: readonly PaymentDraft[]): Sum[] {
  const sums = new Map<string, { currency: string; status: string; count: number; minor: bigint }>();
  for (const { currency, status, minor } of payments) {
    if (currency === null || minor === null) continue;
    const key = `${currency} ${status ?? 'unknown'}`;
    const sum = sums.get(key) ?? { currency, status: status ?? 'unknown', count: 0, minor: 0n };
    sum.count++;
    sum.minor += BigInt(minor);
    sums.set(key, sum);
  }
  const ordered = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return ordered.map(([, { currency, status, count, minor }]) => ({ currency, status, count, amount: String(minor) }));
}
