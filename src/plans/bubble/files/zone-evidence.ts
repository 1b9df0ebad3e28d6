import type { JsonObject } from '../../../plan/json.ts';
import { readWallTime } from '../parsers/local-time.ts';
import { normalizedName } from '../source-name.ts';

const minute = 60_000;
const quarter = 15 * minute;
const day = 86_400_000;
const creationNames = ['Creation Date', 'Created Date'].map(normalizedName);

/** What the rows of a file say of the zone of its dates: how far each creation date is from the moment in its unique id. */
export interface ZoneEvidence {
  /** Rows that have both a creation date without a zone and a unique id that tells the moment. */
  readonly rows: number;
  /** By offset in minutes: how many rows show it. Rows that show no possible offset are in none. */
  readonly offsets: ReadonlyMap<number, number>;
  /** One moment for each day and offset, in milliseconds. */
  readonly samples: readonly { readonly at: number; readonly offset: number }[];
}

/** Collects the evidence of rows, one after another. */
export function createZoneEvidence() {
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
