import { charge, dispute } from './charge.ts';
import { customer } from './customer.ts';
import { event } from './event.ts';
import { invoice } from './invoice.ts';
import { invoiceItem } from './invoice-item.ts';
import { paymentIntent } from './payment-intent.ts';
import { price } from './price.ts';
import { product } from './product.ts';
import { refund } from './refund.ts';
import type { Resource } from './resource.ts';

/** Every kind of object the sandbox knows. */
export const RESOURCES: readonly Resource[] = [
  product,
  price,
  customer,
  paymentIntent,
  charge,
  refund,
  dispute,
  invoiceItem,
  invoice,
  event,
];

export function resourceOf(object: string): Resource {
  const found = RESOURCES.find((resource) => resource.object === object || resource.collection === object);
  if (found === undefined)
    throw new RangeError(`no "${object}"; there are ${RESOURCES.map((r) => r.object).join(', ')}`);
  return found;
}
