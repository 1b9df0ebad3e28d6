import { z } from 'zod';
import { parseCurrency } from '../../money.ts';
import { type EntityName, entityNames } from './entity-names.ts';
import { fieldMap } from './field-map.ts';
import { roles } from './parsers/role.ts';
import { bookingStatuses, paymentStatuses } from './parsers/status.ts';

const fieldNamesSchema = z.array(z.string().trim().min(1)).min(1);

/**
 * What a run may say of an application that names things in its own way. A list of fields replaces the plan's list, it does
 * not add to it: a fallback to a field of another meaning would go unnoticed.
 */
export const fieldMapOverride = z
  .strictObject({
    types: perEntity(() => z.string().trim().min(1))
      .exactOptional()
      .describe('Names of the Bubble types.'),
    fields: perEntity(columnNamesSchema)
      .exactOptional()
      .describe('For each column the source fields, the most wanted first.'),
    values: z
      .strictObject({
        role: vocabularySchema(Object.keys(roles)),
        booking_status: vocabularySchema(Object.keys(bookingStatuses)),
        payment_status: vocabularySchema(Object.keys(paymentStatuses)),
        currency: z
          .record(
            z.string(),
            z.string().refine((code) => parseCurrency(code) === code, 'is no code of ISO 4217'),
          )
          .exactOptional(),
      })
      .exactOptional()
      .describe('Words of the application and what they mean.'),
  })
  .describe('How this application names its types, fields and values.');

type PerEntity<T extends z.ZodType> = z.ZodObject<Record<EntityName, z.ZodExactOptional<T>>, z.core.$strict>;

function perEntity<T extends z.ZodType>(schema: (entity: EntityName) => T): PerEntity<T> {
  const shape = Object.fromEntries(entityNames.map((entity) => [entity, z.exactOptional(schema(entity))]));
  return z.strictObject(shape) as unknown as PerEntity<T>;
}

/** A list of names for every column, and `id` for the column of a CSV file that holds the record's id. */
function columnNamesSchema(entity: EntityName) {
  const columns = ['id', ...Object.keys(fieldMap[entity])];
  // Typed as it is used: a partial record's values could be undefined, which no JSON is.
  return z.partialRecord(z.enum(columns), fieldNamesSchema) as z.ZodType as z.ZodType<Record<string, string[]>>;
}

function vocabularySchema(meanings: readonly string[]) {
  return z.record(z.string(), z.enum(meanings)).exactOptional();
}
