import type { JsonObject } from '../../plan/json.ts';
import type { Price, Product } from '../../upstreams/stripe/client.ts';

/** What can be changed of a product, as it is: its before-image. */
export function productFields(product: Product): JsonObject {
  const { name, description, images, active, metadata, default_price: price } = product;
  const defaultPrice = typeof price === 'object' && price !== null ? price.id : price;
  return { name, description, images, active, metadata: { ...metadata }, default_price: defaultPrice ?? null };
}

/** What can be changed of a price, as it is. */
export function priceFields({ active, lookup_key: key, metadata }: Price): JsonObject {
  return { active, lookup_key: key, metadata: { ...metadata } };
}
