import { IANAZone } from 'luxon';
import { DroverError } from '../../../errors.ts';
import type { CsvZone } from './csv-note.ts';
import type { ZoneEvidence } from './zone-evidence.ts';

const week = 7 * 86_400_000;
// Dates lie before and after the rows' creation; beyond these the calendar of any zone is anybody's guess.
const weeksBack = 30 * 52;
const weeksAhead = 5 * 52;
// Some dates have been edited. A hundredth of the rows may show another offset by accident, as long as no summer time explains it.
const toleratedShare = 0.01;

/**
 * The offset of a file's dates, when all rows agree on one, and the time for which that is certain: until any of the world's
 * zones that fit the rows changes its clocks. Undefined when the rows say nothing of it.
 * @throws DroverError CONFIGURATION when they disagree, naming the zones that would explain it.
 */
export function inferZone(path: string, evidence: ZoneEvidence): CsvZone | undefined {
  if (evidence.rows === 0) return undefined;
  const [main, ...others] = [...evidence.offsets].sort(([, a], [, b]) => b - a);
  if (main === undefined || main[1] * 2 < evidence.rows)
    throw unclearZone(path, 'its creation dates do not fit its unique ids');
  const [offset] = main;
  const real = others.filter(([other, rows]) => isSummerTime(other, offset) || rows >= evidence.rows * toleratedShare);
  if (real.length > 0) throw conflictingOffsets(path, evidence, [offset, ...real.map(([other]) => other)]);
  const samples = evidence.samples.filter((sample) => sample.offset === offset);
  return { offset, ...certainInterval(offset, samples) };
}

function isSummerTime(offset: number, other: number): boolean {
  const apart = Math.abs(offset - other);
  return apart === 60 || apart === 30;
}

/** How long the offset holds in every zone that fits the samples. */
function certainInterval(offset: number, samples: ZoneEvidence['samples']): { from: number; to: number } {
  const times = samples.map(({ at }) => at).sort((a, b) => a - b);
  const first = times[0] ?? 0;
  const last = times.at(-1) ?? 0;
  const fitting = zonesFitting(samples);
  const holds = (at: number): boolean => fitting.every((zone) => zone.offset(at) === offset);
  return { from: lastValidTime(first, -week, weeksBack, holds), to: lastValidTime(last, week, weeksAhead, holds) };
}

/** The last of the steps from a time on for which the offset holds; a day is kept clear of where it no longer does. */
function lastValidTime(start: number, step: number, steps: number, holds: (at: number) => boolean): number {
  let at = start;
  for (let i = 0; i < steps && holds(at + step); i++) at += step;
  return at;
}

// The stations of Antarctica change their clocks as supply flights do; nobody exports a business from there.
function zonesFitting(samples: ZoneEvidence['samples']): IANAZone[] {
  return Intl.supportedValuesOf('timeZone')
    .filter((name) => !name.startsWith('Antarctica/'))
    .map((name) => IANAZone.create(name))
    .filter((zone) => samples.every(({ at, offset }) => zone.offset(at) === offset));
}

function conflictingOffsets(path: string, evidence: ZoneEvidence, offsets: readonly number[]): DroverError {
  const samples = evidence.samples.filter(({ offset }) => offsets.includes(offset));
  const fitting = zonesFitting(samples).map(({ name }) => name);
  const shown = offsets.map(utcLabel).sort().join(' and ');
  const found = `its rows disagree on the time zone of its dates (${shown})`;
  if (fitting.length === 0) return unclearZone(path, `${found}, and no time zone of the world explains that`);
  const examples = fitting.slice(0, 3).join(', ');
  return unclearZone(path, `${found}; clocks that go back and forth explain it, for example those of ${examples}`);
}

function unclearZone(path: string, why: string): DroverError {
  return new DroverError('CONFIGURATION', `${path}: ${why}`, {
    remedy:
      'Set the parameter csvTimeZone to the time zone of the person who exported the file (such as America/New_York). ' +
      'It is not guessed: appointments would be an hour off.',
  });
}

function utcLabel(offset: number): string {
  const sign = offset < 0 ? '-' : '+';
  const minutes = Math.abs(offset);
  return `UTC${sign}${Math.floor(minutes / 60)}${minutes % 60 === 0 ? '' : `:${String(minutes % 60).padStart(2, '0')}`}`;
}
