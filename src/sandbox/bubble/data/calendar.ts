import type { Random } from '../../core/random.ts';
import { uid } from '../uid.ts';
import { scaledCount } from './traps.ts';

/** The application's life: three years, in the past of every clock, so that the same seed gives the same dates for ever. */
export const FIRST_DAY = Date.UTC(2022, 6, 1);
export const LAST_DAY = Date.UTC(2025, 5, 30);

export const MINUTE = 60_000;
export const DAY = 86_400_000;

/** Every so many ids one is not 13x18, as in applications older than that shape. */
const ODD_ID_EVERY = 500;

/** What a record will be, and when and as what it comes to be. */
export interface PlannedRecord<T> {
  readonly plan: T;
  readonly id: string;
  readonly createdMs: number;
}

/**
 * Gives plans their ids and dates, in order of time. `tiesPerThousand` of them, in a row, come from one bulk import and
 * share their millisecond; the last one's, so that nothing is older than what it refers to.
 */
export function assignIdsAndDates<T>(
  random: Random,
  plans: readonly T[],
  at: (plan: T) => number,
  tiesPerThousand: number,
  density: number,
): PlannedRecord<T>[] {
  const timed = plans.map((plan) => ({ plan, createdMs: at(plan) })).sort((a, b) => a.createdMs - b.createdMs);
  const first = Math.floor(timed.length / 3);
  const ties = Math.min(scaledCount(tiesPerThousand, timed.length, density), timed.length - first);
  const importedAt = timed[first + ties - 1]?.createdMs ?? 0;
  return timed.map(({ plan, createdMs }, index) => {
    const ms = index >= first && index < first + ties ? importedAt : createdMs;
    const odd = density > 0 && index % ODD_ID_EVERY === 7;
    return { plan, createdMs: ms, id: odd ? `${ms}x${random.text(8)}` : uid(ms, random) };
  });
}

/** A moment in the application's life. */
export function randomInstant(random: Random): number {
  return random.int(FIRST_DAY, LAST_DAY);
}

/** A moment between an earlier one and the last day. */
export function randomInstantAfter(random: Random, earlier: number): number {
  return random.int(Math.min(earlier, LAST_DAY), LAST_DAY) + MINUTE;
}

/** A moment some days later, on a quarter of an hour, as people make appointments. */
export function appointment(random: Random, after: number, maxDays: number): number {
  const quarter = 15 * MINUTE;
  return Math.ceil((after + random.int(1, maxDays * 96) * quarter) / quarter) * quarter;
}
