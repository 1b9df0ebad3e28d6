import type { JsonObject } from '../../plan/json.ts';
import { type DesiredProduct, type RecordedIds, toStripe } from '../../targets/stripe/index.ts';
import { productIdOf } from './keys.ts';

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
