import { IANAZone } from 'luxon';

const hour = 3_600_000;
const day = 24 * hour;

/** Instants in milliseconds that a local time may mean: none in a gap, two in an overlap; `unsure` when the zone is. */
export interface LocalZone {
  instantsOf(localMs: number): readonly number[] | 'unsure';
}

/** A zone by its IANA name, or undefined when there is none of that name. */
export function namedZone(name: string): LocalZone | undefined {
  if (!IANAZone.isValidZone(name)) return undefined;
  const zone = IANAZone.create(name);
  const offsets = new Map<number, number>();
  const offsetAround = (ms: number): number => {
    const at = Math.floor(ms / day);
    let offset = offsets.get(at);
    if (offset === undefined) {
      offset = zone.offset(at * day) * 60_000;
      if (offsets.size < 100_000) offsets.set(at, offset);
    }
    return offset;
  };
  return {
    instantsOf(localMs) {
      const before = offsetAround(localMs - day);
      const after = offsetAround(localMs + 2 * day);
      if (before === after) return [localMs - before];
      const candidates = [localMs - before, localMs - after].sort((a, b) => a - b);
      return candidates.filter((ms) => ms + zone.offset(ms) * 60_000 === localMs);
    },
  };
}

/** A constant offset in minutes, known to hold between two instants only. */
export function fixedZone(offsetMinutes: number, from: number, to: number): LocalZone {
  return {
    instantsOf(localMs) {
      const ms = localMs - offsetMinutes * 60_000;
      return ms >= from && ms <= to ? [ms] : 'unsure';
    },
  };
}
