import type { Random } from '../../core/random.ts';
import { type Row, uid, withoutEmpty } from '../schema.ts';

export type Outcome = 'reconciled' | 'skipped' | 'rejected' | 'blocked';

/** What a correct mover must do with a record. */
export interface ExpectedOutcome {
  readonly outcome: Outcome;
  readonly code?: string;
  /** For MERGED and DUPLICATE_PROFILE: the record that stays. */
  readonly survivor?: string;
  /** For PARENT_REJECTED: the record it waits for. */
  readonly blockedBy?: string;
}

/** A trap that was laid in a record, and how a mover must read the value, where that is not obvious. */
export interface AppliedTrap {
  readonly trap: string;
  readonly means?: string;
}

/** A record in the making. */
export interface Draft {
  readonly id: string;
  readonly createdMs: number;
  /** Without the fields Bubble sets itself. */
  fields: Record<string, unknown>;
  createdBy: string;
  verdict: ExpectedOutcome;
  readonly marks: AppliedTrap[];
}

export const RECONCILED: ExpectedOutcome = { outcome: 'reconciled' };

export function isClean(draft: Draft): boolean {
  return draft.verdict.outcome === 'reconciled';
}

/** The finished thing. It was last changed up to ninety days after it was made. */
export function toRow(draft: Draft, modifiedMs: number): Row {
  return withoutEmpty({
    _id: draft.id,
    'Created Date': new Date(draft.createdMs).toISOString(),
    'Modified Date': new Date(modifiedMs).toISOString(),
    'Created By': draft.createdBy,
    ...draft.fields,
  }) as Row;
}

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

/** One way in which real records are dirty. */
export interface Trap<D extends Draft> {
  /** How many of a thousand records carry it; at least one does. */
  readonly perThousand: number;
  /** With a code the record must be rejected for it; without one it must still load. */
  readonly code?: string;
  /** Which records can carry it; all when absent. */
  readonly appliesTo?: (draft: D) => boolean;
  /** Spoils the record. Returns what the spoiled value means, where a mover has to work it out. */
  readonly apply: (draft: D, random: Random) => string | undefined;
}

export type Traps<D extends Draft> = Readonly<Record<string, Trap<D>>>;

/**
 * Lays traps in records that are still fit to load, no two of one table in the same record. So a record that must be
 * rejected has exactly one reason for it, and one field is never spoiled twice. `total` is what the thousandths are of.
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

/** How many of `total` records a share of a thousand makes: none without dirt, otherwise at least one. */
export function scaledCount(perThousand: number, total: number, density: number): number {
  return density === 0 || total === 0 ? 0 : Math.max(1, Math.round((total * perThousand * density) / 1000));
}

function applyTrap<D extends Draft>(name: string, trap: Trap<D>, draft: D, random: Random): void {
  const means = trap.apply(draft, random);
  draft.marks.push(means === undefined ? { trap: name } : { trap: name, means });
  if (trap.code !== undefined) draft.verdict = { outcome: 'rejected', code: trap.code };
}
