import type { RecordMoney, TransformContext, TransformOutcome } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { lookupKeyOf } from './keys.ts';
import { readActive } from './parsers/active.ts';
import { readImages } from './parsers/images.ts';
import { type Metadata, readMetadata } from './parsers/metadata.ts';
import { type Amount, readPrice } from './parsers/price.ts';
import { Problem } from './parsers/problem.ts';
import { readDescription, readName, textNotes } from './parsers/text.ts';

/** A row of the catalogue as a product with one price, or why it is none. Pure. */
export function transformProduct(raw: JsonObject, { sourceId, params }: TransformContext): TransformOutcome {
  if (hasValue(raw.deleted_at)) return { kind: 'skip', code: 'EXCLUDED', message: 'the product is deleted in the CMS' };
  const fallback = typeof params.defaultCurrency === 'string' ? params.defaultCurrency : undefined;
  const active = readActive(raw.active);
  const price = readPrice(raw.price, raw.currency, fallback);
  const name = readName(raw.name, raw.title);
  const description = readDescription(raw.description);
  const metadata = readMetadata(raw.metadata);
  const problem = [name, description, price, active, metadata].find((value) => value instanceof Problem);
  const money = price instanceof Problem ? undefined : moneyOf(price, active !== false);
  if (problem)
    return {
      kind: 'reject',
      code: problem.code,
      field: problem.field,
      message: problem.message,
      ...(money && { money }),
    };
  const { images, notes } = readImages(raw.image_url, raw.images);
  const { minor, currency } = price as Amount;
  const { values, notes: left } = metadata as Metadata;
  const row = {
    ...{ name: name as string, description: description as string | null, images, active: active as boolean },
    metadata: values,
    ...{ amount: String(minor), currency, status: statusOf(active as boolean) },
    lookup_key: lookupKeyOf(sourceId, currency),
  };
  const all = [...textNotes({ name: raw.name ?? raw.title, description: raw.description }), ...notes, ...left];
  return { kind: 'row', row, notes: all, ...(money && { money }) };
}

function moneyOf({ minor, currency }: Amount, active: boolean): RecordMoney {
  return { minor: String(minor), currency, status: statusOf(active) };
}

const statusOf = (active: boolean): string => (active ? 'active' : 'inactive');

const hasValue = (value: JsonObject[string] | undefined): boolean =>
  value !== null && value !== undefined && value !== '';
