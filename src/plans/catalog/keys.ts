import { createHash } from 'node:crypto';

// What may stand in a path and be read aloud; other ids are hashed, so that two of them never become one.
const plain = /^[A-Za-z0-9_-]{1,80}$/;

function idPartOf(sourceId: string): string {
  return plain.test(sourceId) ? sourceId : `x${createHash('sha256').update(sourceId).digest('hex').slice(0, 32)}`;
}

/** The Stripe product id of a record: the same in every run, so that it cannot be made twice. */
export function productIdOf(sourceId: string): string {
  return `cms_${idPartOf(sourceId)}`;
}

/** The lookup key of its price: who sells it asks Stripe by this, and goes on when the price changes. */
export function lookupKeyOf(sourceId: string, currency: string): string {
  return `cms_${idPartOf(sourceId)}_${currency.toLowerCase()}`;
}
