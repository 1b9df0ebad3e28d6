import { readWallTime } from './local-time.ts';
import { type ParseContext, type Parser, Problem } from './parsed.ts';
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
    return new Problem('BAD_DATE', `is not a date that can be read for certain (${maskedShapeOf(text)})`);
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
