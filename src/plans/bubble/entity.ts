import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Column, Entity, TransformContext, TransformOutcome } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { EntityName } from './entity-names.ts';
import { draftRow, type RowDraft } from './row.ts';

/** Any object: which fields a record has is the field map's business, record by record. */
export const recordSchema = z.custom<JsonObject>(
  (raw) => typeof raw === 'object' && raw !== null && !Array.isArray(raw),
  {
    error: 'is not an object with fields',
  },
);

/** Columns every table may have; left out where an existing table lacks them. */
export const timestampColumns = {
  // The day a row that was there before was made is not ours to change.
  created_at: { type: 'timestamptz', nullable: true, default: 'now()', optional: true, insertOnly: true },
  updated_at: { type: 'timestamptz', nullable: true, default: 'now()', optional: true },
} as const satisfies Record<string, Column>;

/** The transform of an entity: drafts the row by the field map, and leaves the rest to `finish`. */
export function createTransform(
  entity: EntityName,
  finish: (draft: RowDraft, context: TransformContext) => TransformOutcome,
): Entity['transform'] {
  return (raw, context) => {
    try {
      return finish(draftRow(entity, isObject(raw) ? raw : {}, context), context);
    } catch (thrown) {
      // Only parameters that are none come here; a run with such is refused before it starts.
      if (thrown instanceof DroverError) return { kind: 'reject', code: thrown.code, message: thrown.message };
      throw thrown;
    }
  };
}

function isObject(raw: unknown): raw is JsonObject {
  return typeof raw === 'object' && raw !== null;
}
