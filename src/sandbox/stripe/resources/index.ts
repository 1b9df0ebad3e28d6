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

/** Every kind of object that the sandbox supports. */
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

/** The resource of an object or collection name. Throws RangeError on an unknown name. */
export function resourceOf(name: string): Resource {
  const found = RESOURCES.find((resource) => resource.object === name || resource.collection === name);
  if (found === undefined)
    throw new RangeError(`unknown kind "${name}"; known: ${RESOURCES.map((r) => r.object).join(', ')}`);
  return found;
}
