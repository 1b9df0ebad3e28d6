import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../plan/json.ts';

/** JSON with sorted keys: equal values have equal texts. */
export function canonical(value: Json | undefined): string {
  if (value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as JsonObject).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of the canonical form, in hex; `length` cuts it. */
export function fingerprint(value: Json, length = 64): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, length);
}
