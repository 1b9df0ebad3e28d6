import { createHash } from 'node:crypto';
import type { RecordMoney, TransformContext, TransformOutcome } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { toStripe } from '../../targets/stripe/amounts.ts';
import type { DesiredProduct, RecordedIds } from '../../targets/stripe/lookup.ts';
import {
  type Amount,
  type Metadata,
  Problem,
  readActive,
  readDeleted,
  readDescription,
  readId,
  readImages,
  readMetadata,
  readName,
  readPrice,
  textNotes,
} from './parsers.ts';

/** A row of the catalogue as a product with one price, or why it is none. Pure. */
export function transformProduct(raw: JsonObject, { sourceId, params }: TransformContext): TransformOutcome {
  const deleted = readDeleted(raw.deleted_at);
  if (deleted === true) return { kind: 'skip', code: 'EXCLUDED', message: 'the product is deleted in the CMS' };
  const fallback = typeof params.defaultCurrency === 'string' ? params.defaultCurrency : undefined;
  const active = readActive(raw.active);
  const price = readPrice(raw.price, raw.currency, fallback);
  const name = readName(raw.name, raw.title);
  const description = readDescription(raw.description);
  const metadata = readMetadata(raw.metadata);
  const ids = [raw.stripe_product_id, raw.stripe_price_id].map((id, index) =>
    readId(id, index === 0 ? 'stripe_product_id' : 'stripe_price_id'),
  );
  const problem = [deleted, name, description, price, active, metadata, ...ids].find(
    (value) => value instanceof Problem,
  );
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

/** A transformed row as Stripe is to have it. */
export function desiredProductOf(sourceId: string, row: JsonObject): DesiredProduct {
  const currency = String(row.currency);
  return {
    recordId: sourceId,
    productId: productIdOf(sourceId),
    lookupKey: String(row.lookup_key),
    name: String(row.name),
    description: typeof row.description === 'string' ? row.description : null,
    images: row.images as readonly string[],
    active: row.active === true,
    metadata: row.metadata as Readonly<Record<string, string>>,
    currency,
    unitAmount: Number(toStripe(BigInt(String(row.amount)), currency)),
  };
}

/** What the source's row says of earlier moves. */
export function recordedIdsOf(raw: JsonObject): RecordedIds {
  return {
    productId: nonEmptyTextOf(raw.stripe_product_id),
    priceId: nonEmptyTextOf(raw.stripe_price_id),
    synced: raw.sync_status === 'synced',
  };
}

function nonEmptyTextOf(value: JsonObject[string] | undefined): string | null {
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? null : text;
}

// What may stand in a path and be read aloud; other ids are hashed, so that two of them never become one.
const plain = /^[A-Za-z0-9_-]{1,80}$/;

function idPartOf(sourceId: string): string {
  return plain.test(sourceId) ? sourceId : `x${createHash('sha256').update(sourceId).digest('hex').slice(0, 32)}`;
}

/** The Stripe product id of a record: the same in every run, so that it cannot be made twice. */
function productIdOf(sourceId: string): string {
  return `cms_${idPartOf(sourceId)}`;
}

/** The lookup key of its price: a shop asks Stripe for the price by it, and needs no change when the price changes. */
function lookupKeyOf(sourceId: string, currency: string): string {
  return `cms_${idPartOf(sourceId)}_${currency.toLowerCase()}`;
}
