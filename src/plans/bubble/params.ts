import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import { parseCurrency } from '../../money.ts';
import type { JsonObject } from '../../plan/json.ts';
import { type EntityName, entityNames } from './entity-names.ts';
import { type Field, fieldMap } from './field-map.ts';
import { namedZone } from './parsers/local-zone.ts';
import { Problem, type ReadOptions, type Vocabulary } from './parsers/parser.ts';
import {
  bookingStatuses,
  bookingWords,
  normalizedToken,
  paymentStatuses,
  paymentWords,
  roles,
  roleWords,
} from './parsers/vocabulary.ts';
import { compilePicker, type Picker } from './picker.ts';

const fieldNamesSchema = z.array(z.string().trim().min(1)).min(1);

/**
 * What a run may say of an application that names things in its own way. A list of fields replaces the plan's list, it does
 * not add to it: a fallback to a field of another meaning would go unnoticed.
 */
const fieldMapOverride = z
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

/** The parameters of a run of this plan. */
export const paramsSchema = z
  .strictObject({
    source: z
      .enum(['api', 'csv'])
      .exactOptional()
      .describe('Where records are read: the Data API (default) or CSV files.'),
    skipExport: z.boolean().exactOptional().describe('Start from existing CSV files; the same as source csv.'),
    exportDir: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'Folder of the CSV files, inside of MIGRATION_EXPORT_DIR. Default: MIGRATION_EXPORT_DIR, or ./migration_data.',
      ),
    csvTimeZone: z
      .string()
      .refine((name) => namedZone(name) !== undefined, 'is no IANA time zone (such as Asia/Manila)')
      .exactOptional()
      .describe("Zone of dates without one, as in Bubble's own CSV export. Default: found from the unique ids."),
    amountUnit: z
      .enum(['major', 'minor'])
      .exactOptional()
      .describe('Whether amounts count dollars (major, default) or cents (minor).'),
    defaultCurrency: z
      .string()
      .refine((code) => parseCurrency(code) === code, 'is no currency code of ISO 4217 (such as USD)')
      .exactOptional()
      .describe('Currency of payments that name none. Default: such payments are rejected.'),
    listSeparator: z
      .string()
      .min(1)
      .max(8)
      .exactOptional()
      .describe('What separates the items of a list held as text, besides Bubble’s " , ".'),
    activeWhenEmpty: z
      .boolean()
      .exactOptional()
      .describe('Whether a user is active whose record does not say. Default: true.'),
    fieldMap: fieldMapOverride.exactOptional(),
  })
  .refine(({ source, skipExport }) => !(source === 'api' && skipExport === true), {
    path: ['skipExport'],
    message: 'means CSV files, but source says api',
  });

export type BubbleParams = z.output<typeof paramsSchema>;

const maxCached = 32;
const byIdentity = new WeakMap<JsonObject, ReadOptions>();
const byContent = new Map<string, ReadOptions>();

/** The reading of these parameters, compiled once a run. Throws CONFIGURATION when they are none. */
export function readOptionsOf(params: JsonObject): ReadOptions {
  const known = byIdentity.get(params);
  if (known !== undefined) return known;
  // A worker gets the parameters as a new object with every job.
  const content = JSON.stringify(params);
  const reading = byContent.get(content) ?? compile(params);
  if (byContent.size >= maxCached) byContent.clear();
  byContent.set(content, reading);
  byIdentity.set(params, reading);
  return reading;
}

function compile(given: JsonObject): ReadOptions {
  const params = parseParams(given);
  const values = params.fieldMap?.values ?? {};
  return {
    pickers: pickersOf(params),
    vocabularies: {
      role: withOverrides(roleWords, values.role),
      booking_status: withOverrides(bookingWords, values.booking_status),
      payment_status: withOverrides(paymentWords, values.payment_status),
    },
    currencies: withOverrides(new Map(), values.currency),
    zone: params.csvTimeZone === undefined ? undefined : namedZone(params.csvTimeZone),
    amountUnit: params.amountUnit ?? 'major',
    defaultCurrency: params.defaultCurrency,
    listSeparator: params.listSeparator,
    activeWhenEmpty: params.activeWhenEmpty ?? true,
  };
}

function parseParams(given: JsonObject): BubbleParams {
  const parsed = paramsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'params'}: ${message}`);
  throw new DroverError('CONFIGURATION', `parameters of the plan bubble: ${problems.join('; ')}`);
}

function pickersOf(params: BubbleParams): Record<EntityName, Picker> {
  const entries = entityNames.map((entity): [EntityName, Picker] => {
    const columns = Object.keys(fieldMap[entity]).map((column) => fieldNamesOf(entity, column, params));
    return [entity, compilePicker(columns)];
  });
  return Object.fromEntries(entries) as Record<EntityName, Picker>;
}

/** The source fields of a column, the most wanted first: those that the run names, or else the plan's. */
function fieldNamesOf(entity: EntityName, column: string, { fieldMap: own }: BubbleParams): readonly string[] {
  const fields: Readonly<Record<string, Field>> = fieldMap[entity];
  return own?.fields?.[entity]?.[column] ?? fields[column]?.from ?? [];
}

/** The source fields without which no record of the entity becomes a row: one list for each such column. */
export function requiredFieldsOf(entity: EntityName, params: BubbleParams): readonly (readonly string[])[] {
  const context = { reading: readOptionsOf(params), zone: undefined, row: {}, note: () => {} };
  return Object.entries<Field>(fieldMap[entity])
    .filter(([, field]) => field.absent(context) instanceof Problem)
    .map(([column]) => fieldNamesOf(entity, column, params));
}

function withOverrides(words: Vocabulary, own: Readonly<Record<string, string>> = {}): Vocabulary {
  return new Map([
    ...words,
    ...Object.entries(own).map(([word, meaning]) => [normalizedToken(word), meaning] as const),
  ]);
}

/** Environment variables of the plan. What one source does not need may be absent; it is asked for when it is used. */
export const settingsSchema = z.object({
  BUBBLE_API_URL: z
    .string()
    .optional()
    .describe("The application's Data API, for example https://app.bubbleapps.io/api/1.1"),
  BUBBLE_API_KEY: z.string().optional().describe('An API token of the application; an admin token sees every record.'),
  MIGRATION_EXPORT_DIR: z.string().optional().describe('Folder of the CSV files. Default: ./migration_data'),
});
