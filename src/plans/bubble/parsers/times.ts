import { type ParseContext, type Parser, Problem } from './parser.ts';
import { maskedShapeOf, textOf } from './text.ts';

const exact = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const epochMs = /^\d{12,13}$/;
const spaces = /[\s\u00a0\u202f]+/g;
const firstYear = 1900;
const lastYear = 2199;

/** A moment as ISO 8601 in UTC. A local time that its zone had twice, or never, is refused: an appointment is not guessed. Nor is the time of one that names only its day. */
export const instant: Parser = (value, context) => readInstant(value, context, false);

/**
 * When a record was made or changed. Where the clocks went back over the time, the earlier reading is taken and noted; a
 * user is not worth refusing over an hour of that.
 */
export const timestamp: Parser = (value, context) => readInstant(value, context, true);

function readInstant(value: unknown, context: ParseContext, lenient: boolean): string | Problem {
  const text = textOf(value) ?? '';
  if (exact.test(text)) {
    const iso = isoOf(Date.parse(text));
    if (iso === text) return iso;
  }
  const ms = epochMs.test(text) ? Number(text) : parseInstantText(text, context, lenient);
  if (ms instanceof Problem) return ms;
  return isoOf(ms) ?? new Problem('BAD_DATE', `is not between the years ${firstYear} and ${lastYear}`);
}

function parseInstantText(text: string, context: ParseContext, lenient: boolean): number | Problem {
  const wall = text.length > 64 ? undefined : readWallTime(text.replace(spaces, ' ').trim());
  if (wall === undefined)
    return new Problem('BAD_DATE', `cannot be read as a date for certain (${maskedShapeOf(text)})`);
  if (!wall.hasTime && !lenient) return new Problem('BAD_DATE', 'names a day and no time of day');
  if (wall.offsetMinutes !== undefined) return wall.localMs - wall.offsetMinutes * 60_000;
  return instantFromLocalTime(wall.localMs, context, lenient);
}

function instantFromLocalTime(localMs: number, { zone, note }: ParseContext, lenient: boolean): number | Problem {
  if (zone === undefined) return new Problem('BAD_DATE', 'has no time zone; set the parameter csvTimeZone');
  const instants = zone.instantsOf(localMs);
  if (instants === 'unsure') {
    return new Problem(
      'BAD_DATE',
      'lies where the zone found from the file may not hold; set the parameter csvTimeZone',
    );
  }
  const [first, second] = instants;
  if (first === undefined) return new Problem('BAD_DATE', 'is a time that the clocks of its zone skipped');
  if (second === undefined) return first;
  if (!lenient) return new Problem('BAD_DATE', 'is a time that the clocks of its zone showed twice');
  note('the clocks showed this time twice; the first was taken');
  return first;
}

function isoOf(ms: number): string | undefined {
  if (Number.isNaN(ms)) return undefined;
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  return year >= firstYear && year <= lastYear ? date.toISOString() : undefined;
}

/** What a text says of a moment: the clock on the wall, and how far it is from UTC when it says so. */
export interface WallTime {
  /** The wall clock read as if it were UTC, in milliseconds. */
  readonly localMs: number;
  readonly offsetMinutes: number | undefined;
  /** Whether it names a time of day, or a day only. */
  readonly hasTime: boolean;
}

const zonePart = String.raw`(?: ?\(?(Z|(?:UTC|GMT)?[-+]\d{1,2}(?::?\d{2})?|UTC|GMT)\)?)?`;
const timePart = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)? ?([ap]\.?m\.?)?`;
const numericDate = new RegExp(String.raw`^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]${timePart})?${zonePart}$`, 'i');
const monthFirst = new RegExp(String.raw`^([a-z]{3,9})\.? (\d{1,2}),? (\d{4})(?:,? ${timePart})?${zonePart}$`, 'i');
const dayFirst = new RegExp(String.raw`^(\d{1,2})\.? ([a-z]{3,9})\.?,? (\d{4})(?:,? ${timePart})?${zonePart}$`, 'i');
const monthNames = 'january february march april may june july august september october november december'.split(' ');

/**
 * Reads `2024-01-05T15:04:00Z`, `2024-01-05 15:04:00`, `Jan 5, 2024 3:04 pm`, `5 January 2024`, each with or without a zone
 * (`+02:00`, `(UTC+2)`). Undefined when it is none of these or no day of the calendar. Never `01/05/2024`: half of the world
 * reads it one way, half the other.
 */
export function readWallTime(text: string): WallTime | undefined {
  const byNumber = numericDate.exec(text);
  if (byNumber !== null) return wallTime(byNumber[1], Number(byNumber[2]), byNumber[3], byNumber.slice(4));
  const byMonth = monthFirst.exec(text);
  if (byMonth !== null) return wallTime(byMonth[3], monthOf(byMonth[1]), byMonth[2], byMonth.slice(4));
  const byDay = dayFirst.exec(text);
  return byDay === null ? undefined : wallTime(byDay[3], monthOf(byDay[2]), byDay[1], byDay.slice(4));
}

type Groups = readonly (string | undefined)[];

function wallTime(year = '', month = 0, day = '', rest: Groups = []): WallTime | undefined {
  const hasTime = rest[0] !== undefined;
  const [hourText = '0', minute = '0', second = '0', fraction = '0', half, zone] = rest;
  const hour = hourOf(Number(hourText), half?.[0]?.toLowerCase());
  if (hour === undefined || Number(minute) > 59 || Number(second) > 59) return undefined;
  const date = Date.UTC(Number(year), month - 1, Number(day));
  const back = new Date(date);
  // Date.UTC makes March 1 of February 30; years below 100 it takes for 1900 and later.
  if (back.getUTCDate() !== Number(day) || back.getUTCMonth() !== month - 1) return undefined;
  if (back.getUTCFullYear() !== Number(year)) return undefined;
  const offsetMinutes = zone === undefined ? undefined : offsetOf(zone);
  if (Number.isNaN(offsetMinutes)) return undefined;
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
  return { localMs: date + ((hour * 60 + Number(minute)) * 60 + Number(second)) * 1000 + ms, offsetMinutes, hasTime };
}

function monthOf(name = ''): number {
  const lower = name.toLowerCase();
  return (
    monthNames.findIndex((month) => month === lower || month.slice(0, 3) === lower || lower === month.slice(0, 4)) + 1
  );
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour <= 23 ? hour : undefined;
  if (hour < 1 || hour > 12) return undefined;
  return (hour % 12) + (half === 'p' ? 12 : 0);
}

function offsetOf(zone: string): number {
  const match = /([-+])(\d{1,2}):?(\d{2})?$/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  if (minutes > 14 * 60 || Number(match[3] ?? 0) > 59) return Number.NaN;
  return match[1] === '-' ? -minutes : minutes;
}
