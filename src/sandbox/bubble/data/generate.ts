import { Random } from '../../core/random.ts';
import type { Row } from '../row.ts';
import { BUBBLE_TYPES } from '../schema.ts';
import type { Rows } from '../store/bubble-data.ts';
import { makeBookings } from './bookings.ts';
import { DAY } from './calendar.ts';
import { type Draft, isClean, toRow } from './draft.ts';
import { type Drafts, type Manifest, manifestOf } from './manifest.ts';
import { makePayments } from './payments.ts';
import { makeProfiles } from './profiles.ts';
import { makeUsers } from './users.ts';

export interface GenerateOptions {
  readonly seed: number;
  readonly users: number;
  /** How dirty the data is: 1 as the manifest's shares say, 0 clean, anything between or above in proportion. */
  readonly dirt: number;
}

export interface Generated {
  readonly rows: Rows;
  readonly manifest: Manifest;
}

const BOOKINGS_PER_USER = 2.4;
const PAYMENTS_PER_USER = 2;

/** Makes an application's data: the same for the same options, on every machine. */
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

function toRows(drafts: Drafts, random: Random): Rows {
  const rows = BUBBLE_TYPES.map((type): [string, Row[]] => [
    type,
    drafts[type].map((draft) => toRow(draft, draft.createdMs + (random.chance(0.3) ? 0 : random.int(0, 90 * DAY)))),
  ]);
  return Object.fromEntries(rows) as unknown as Rows;
}

/** What nobody laid on purpose: ids of an unusual shape, and the bulk import's single millisecond. */
function markNaturalTraps(drafts: readonly Draft[]): void {
  drafts.forEach((draft, i) => {
    if (!isClean(draft)) return;
    if (!/^\d{13}x\d{18}$/.test(draft.id)) draft.marks.push({ trap: 'id-odd' });
    const tied = [drafts[i - 1], drafts[i + 1]].some((other) => other?.createdMs === draft.createdMs);
    if (tied) draft.marks.push({ trap: 'created-date-tied' });
  });
}
