import type { JsonObject } from '../../plan/json.ts';
import { type Known, toStripe, type Wanted } from '../../targets/stripe/index.ts';
import { productIdOf } from './keys.ts';

/** A transformed row as Stripe is to have it. */
export function wantedOf(sourceId: string, row: JsonObject): Wanted {
  const currency = String(row.currency);
  return {
    mark: sourceId,
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
export function knownOf(raw: JsonObject): Known {
  return {
    productId: textOf(raw.stripe_product_id),
    priceId: textOf(raw.stripe_price_id),
    synced: raw.sync_status === 'synced',
  };
}

function textOf(value: JsonObject[string] | undefined): string | null {
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? null : text;
}
