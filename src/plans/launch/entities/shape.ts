import { z } from 'zod';
import type { Column } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';

/** Any object: what is in it is looked at field by field. */
export const recordSchema = z.custom<JsonObject>(
  (raw) => typeof raw === 'object' && raw !== null && !Array.isArray(raw),
  {
    error: 'is not an object with fields',
  },
);

// The day a row that was there before was made is not ours to change.
export const createdAtColumn = {
  type: 'timestamptz',
  nullable: true,
  default: 'now()',
  optional: true,
  insertOnly: true,
} as const satisfies Column;
export const updatedAtColumn = {
  type: 'timestamptz',
  nullable: true,
  default: 'now()',
  optional: true,
  writeTimestamp: true,
} as const satisfies Column;
export const syncedAtColumn = {
  type: 'timestamptz',
  nullable: true,
  default: 'now()',
  optional: true,
  writeTimestamp: true,
} as const satisfies Column;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The value as an id of the target, or null. */
export function uuidOf(value: unknown): string | null {
  return typeof value === 'string' && uuid.test(value) ? value.toLowerCase() : null;
}
