import type { JsonObject } from '../../../plan/json.ts';
import { readWallTime } from '../parsers/local-time.ts';
import type { LocalZone } from '../parsers/local-zone.ts';
import { normalizedName } from '../source-name.ts';

const modified = normalizedName('Modified Date');

/**
 * When a record of a file last changed, as far as the file tells; undefined when it does not. Bubble's own export cuts
 * the seconds off: the end of the minute is taken, so that no change of that minute falls between two windows.
 */
export function changedAt(raw: JsonObject, zone: LocalZone | undefined): string | undefined {
  const key = Object.keys(raw).find((name) => normalizedName(name) === modified);
  const text = key === undefined ? undefined : raw[key];
  const wall = typeof text === 'string' ? readWallTime(text.trim()) : undefined;
  if (wall === undefined) return undefined;
  if (wall.offsetMinutes !== undefined) return new Date(wall.localMs - wall.offsetMinutes * 60_000).toISOString();
  const instants = zone?.instantsOf(wall.localMs);
  const last = instants === undefined || instants === 'unsure' ? undefined : instants.at(-1);
  return last === undefined ? undefined : new Date(last + 59_999).toISOString();
}
