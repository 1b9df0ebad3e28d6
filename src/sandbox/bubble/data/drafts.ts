import type { Random } from '../../core/random.ts';
import { type Row, uid, withoutEmpty } from '../schema.ts';

export type Outcome = 'reconciled' | 'skipped' | 'rejected' | 'blocked';

/** The outcome of a record in a correct migration. */
export interface ExpectedOutcome {
  readonly outcome: Outcome;
  readonly code?: string;
  /** For MERGED and DUPLICATE_PROFILE: the id of the record that survives. */
  readonly survivor?: string;
  /** For PARENT_REJECTED: the id of the parent. */
  readonly blockedBy?: string;
}

/** A trap in a record and, where it is not obvious, the value that the mover must read. */
interface AppliedTrap {
  readonly trap: string;
  readonly means?: string;
}

/** A record that is being generated. */
export interface Draft {
  readonly id: string;
  readonly createdMs: number;
  /** Without the system fields. */
  fields: Record<string, unknown>;
  createdBy: string;
  verdict: ExpectedOutcome;
  readonly marks: AppliedTrap[];
}

export const RECONCILED: ExpectedOutcome = { outcome: 'reconciled' };

export function isClean(draft: Draft): boolean {
  return draft.verdict.outcome === 'reconciled';
}

/** The generated record as a row of the API. */
export function toRow(draft: Draft, modifiedMs: number): Row {
  return withoutEmpty({
    _id: draft.id,
    'Created Date': new Date(draft.createdMs).toISOString(),
    'Modified Date': new Date(modifiedMs).toISOString(),
    'Created By': draft.createdBy,
    ...draft.fields,
  }) as Row;
}

// Ids and dates.

/** The period of all creation dates: three years in the past, independent of the clock, so that the same seed always gives the same dates. */
const FIRST_DAY = Date.UTC(2022, 6, 1);
export const LAST_DAY = Date.UTC(2025, 5, 30);

export const MINUTE = 60_000;
export const DAY = 86_400_000;

/** One of so many ids does not have the usual 13x18 digits, as in applications older than that format. */
const ODD_ID_EVERY = 500;

/** A plan with its id and creation time. */
export interface PlannedRecord<T> {
  readonly plan: T;
  readonly id: string;
  readonly createdMs: number;
}

/**
 * Gives plans their ids and creation times, in order of time. `tiesPerThousand` of them, consecutive ones, come from one
 * bulk import and share one millisecond: that of the last of them, so that no record is older than those it refers to.
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

/** A time in the period. */
export function randomInstant(random: Random): number {
  return random.int(FIRST_DAY, LAST_DAY);
}

/** A time between an earlier one and the last day, plus one minute. */
export function randomInstantAfter(random: Random, earlier: number): number {
  return random.int(Math.min(earlier, LAST_DAY), LAST_DAY) + MINUTE;
}

/** A time up to `maxDays` later, on a quarter of an hour, as appointments are. */
export function appointment(random: Random, after: number, maxDays: number): number {
  const quarter = 15 * MINUTE;
  return Math.ceil((after + random.int(1, maxDays * 96) * quarter) / quarter) * quarter;
}

// Traps.

/** One kind of dirt that occurs in real records. */
interface Trap<D extends Draft> {
  /** How many of a thousand records have it; at least one. */
  readonly perThousand: number;
  /** The code with which the record must be rejected; without one the record must load. */
  readonly code?: string;
  /** Which records can have it; all when absent. */
  readonly appliesTo?: (draft: D) => boolean;
  /** Changes the record. Returns the value that the mover must read, where it is not obvious. */
  readonly apply: (draft: D, random: Random) => string | undefined;
}

export type Traps<D extends Draft> = Readonly<Record<string, Trap<D>>>;

/**
 * Applies traps to records that can still load, at most one of a table to each record. So a record that must be rejected
 * has exactly one reason, and no field is changed twice. The share per thousand is of `total`.
 */
export function applyTraps<D extends Draft>(
  random: Random,
  drafts: readonly D[],
  traps: Traps<D>,
  density: number,
  total = drafts.length,
): void {
  const free = random.shuffle(drafts.filter(isClean));
  const used = new Set<D>();
  for (const [name, trap] of Object.entries(traps)) {
    let left = scaledCount(trap.perThousand, total, density);
    for (const draft of free) {
      if (left === 0) break;
      if (used.has(draft) || trap.appliesTo?.(draft) === false) continue;
      used.add(draft);
      left--;
      applyTrap(name, trap, draft, random);
    }
  }
}

/** The number of records for a share per thousand of `total`: 0 when `density` is 0, otherwise at least 1. */
export function scaledCount(perThousand: number, total: number, density: number): number {
  return density === 0 || total === 0 ? 0 : Math.max(1, Math.round((total * perThousand * density) / 1000));
}

function applyTrap<D extends Draft>(name: string, trap: Trap<D>, draft: D, random: Random): void {
  const means = trap.apply(draft, random);
  draft.marks.push(means === undefined ? { trap: name } : { trap: name, means });
  if (trap.code !== undefined) draft.verdict = { outcome: 'rejected', code: trap.code };
}
