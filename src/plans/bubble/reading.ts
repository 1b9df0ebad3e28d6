import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { type EntityName, entityNames } from './entity-names.ts';
import { fieldMap } from './field-map.ts';
import { type BubbleParams, paramsSchema } from './params.ts';
import { namedZone } from './parsers/local-zone.ts';
import type { ReadOptions, Vocabulary } from './parsers/reading.ts';
import { roleWords } from './parsers/role.ts';
import { bookingWords, paymentWords } from './parsers/status.ts';
import { normalizedToken } from './parsers/token.ts';
import { compilePicker, type Picker } from './picker.ts';

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

function pickersOf({ fieldMap: own }: BubbleParams): Record<EntityName, Picker> {
  const entries = entityNames.map((entity): [EntityName, Picker] => {
    const replaced: Readonly<Record<string, readonly string[] | undefined>> = own?.fields?.[entity] ?? {};
    const columns = Object.entries(fieldMap[entity]).map(([column, { from }]) => replaced[column] ?? from);
    return [entity, compilePicker(columns)];
  });
  return Object.fromEntries(entries) as Record<EntityName, Picker>;
}

function withOverrides(words: Vocabulary, own: Readonly<Record<string, string>> = {}): Vocabulary {
  return new Map([
    ...words,
    ...Object.entries(own).map(([word, meaning]) => [normalizedToken(word), meaning] as const),
  ]);
}
