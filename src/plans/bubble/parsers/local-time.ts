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
