import { stat } from 'node:fs/promises';
import { IANAZone } from 'luxon';
import { DroverError } from '../../../errors.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { type CsvSourceOptions, csvRecords } from '../../../sources/csv/source.ts';
import { readWallTime } from '../parsers/times.ts';
import { normalizedName } from '../picker.ts';
import type { CsvZone } from './note.ts';

// When none of so many rows has a creation date without a zone, the file is not in the format of Bubble's own export.
const sampleSize = 1000;

// Single records are fetched from a file by reading it from its beginning; its zone is the same every time.
const maxCachedZones = 64;
const zoneCache = new Map<string, CsvZone | undefined>();

/** The zone of a file's dates, as its creation dates and unique ids tell it. Throws CONFIGURATION when they disagree. */
export async function detectZone(file: CsvSourceOptions, signal: AbortSignal): Promise<CsvZone | undefined> {
  // A missing file is reported better by the next reader of it.
  const state = await stat(file.path).catch(() => undefined);
  const key = `${file.path}\n${state?.size}\n${state?.mtimeMs}\n${file.idColumns.join('\n')}`;
  if (zoneCache.has(key)) return zoneCache.get(key);
  const zone = await detectZoneFromRows(file, signal);
  if (zoneCache.size >= maxCachedZones) zoneCache.clear();
  zoneCache.set(key, zone);
  return zone;
}

async function detectZoneFromRows(file: CsvSourceOptions, signal: AbortSignal): Promise<CsvZone | undefined> {
  const evidence = createZoneEvidence();
  let rows = 0;
  for await (const { sourceId, raw } of csvRecords(file, signal)) {
    evidence.add(sourceId, raw);
    if (++rows === sampleSize && evidence.result().rows === 0) return undefined;
  }
  return inferZone(file.path, evidence.result());
}

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
function inferZone(path: string, evidence: ZoneEvidence): CsvZone | undefined {
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

// The stations of Antarctica change their clocks as supply flights do; no business is exported from there.
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

const minute = 60_000;
const quarter = 15 * minute;
const day = 86_400_000;
const creationNames = ['Creation Date', 'Created Date'].map(normalizedName);

/** What the rows of a file say of the zone of its dates: how far each creation date is from the moment in its unique id. */
interface ZoneEvidence {
  /** Rows that have both a creation date without a zone and a unique id that tells the moment. */
  readonly rows: number;
  /** By offset in minutes: how many rows show it. Rows that show no possible offset are in none. */
  readonly offsets: ReadonlyMap<number, number>;
  /** One moment for each day and offset, in milliseconds. */
  readonly samples: readonly { readonly at: number; readonly offset: number }[];
}

/** Collects the evidence of rows, one after another. */
function createZoneEvidence() {
  const offsets = new Map<number, number>();
  const samples = new Map<string, { at: number; offset: number }>();
  let rows = 0;
  return {
    add(sourceId: string, raw: JsonObject): void {
      const at = Number(/^(\d{13})x\d+$/.exec(sourceId)?.[1] ?? Number.NaN);
      const localMs = localCreation(raw);
      if (Number.isNaN(at) || localMs === undefined) return;
      rows++;
      const offset = offsetBetween(localMs, at);
      if (offset === undefined) return;
      offsets.set(offset, (offsets.get(offset) ?? 0) + 1);
      const key = `${Math.floor(at / day)} ${offset}`;
      if (!samples.has(key)) samples.set(key, { at, offset });
    },
    result: (): ZoneEvidence => ({ rows, offsets, samples: [...samples.values()] }),
  };
}

function localCreation(raw: JsonObject): number | undefined {
  const name = Object.keys(raw).find((key) => creationNames.includes(normalizedName(key)));
  const text = name === undefined ? undefined : raw[name];
  const wall = typeof text === 'string' ? readWallTime(text.trim()) : undefined;
  return wall?.offsetMinutes === undefined ? wall?.localMs : undefined;
}

/**
 * The offset in minutes. The export cuts seconds off, so its date is up to a minute early; offsets of the world are whole
 * quarters of an hour, which tells them from rows whose date has nothing to do with their id (imported ones).
 */
function offsetBetween(localMs: number, at: number): number | undefined {
  const apart = localMs - at;
  const offset = Math.round((apart + minute / 2) / quarter) * quarter;
  const isNear = apart > offset - 2 * minute && apart < offset + minute;
  return isNear && Math.abs(offset) <= 14 * 60 * minute ? offset / minute : undefined;
}
