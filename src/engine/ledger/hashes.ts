import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import type { Entity } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';

/** JSON with sorted keys: equal values have equal texts. */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as JsonObject).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of the canonical form, in hex; `length` cuts it. */
export function fingerprint(value: Json, length = 64): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, length);
}

// The namespace of Drover's target ids: any fixed UUID would do; it must never change.
const namespace = '6f1f9a52-61c4-5c1d-9d0b-8c7a3f0f2d11';

/** The id of a record's row in the target, unless the target already has a row for it. */
export function targetIdOf(plan: string, entity: string, sourceId: string): string {
  return uuidv5(`${plan}\u0000${entity}\u0000${sourceId}`, namespace);
}

/**
 * Hash by which a changed row is detected. Enriched columns differ at every run (salt) and are excluded; so
 * are columns filled from API responses, which are compared separately.
 */
export function rowHash(entity: Entity, row: JsonObject): string {
  const isGenerated = (column: string): boolean => {
    const { enriched, filledByApi } = entity.target.columns[column] ?? {};
    return enriched === true || filledByApi === true;
  };
  return fingerprint(Object.fromEntries(Object.entries(row).filter(([column]) => !isGenerated(column))));
}
