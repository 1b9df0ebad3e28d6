import Stripe from 'stripe';
import type { JsonObject } from '../../plan/json.ts';
import { createStripeClient, type StripeCatalogOptions, undefinedIfMissing, withDroverErrors } from './client.ts';

/** The version in which this release reads Stripe's objects. */
export const stripeApiVersion: string = Stripe.API_VERSION;

/** Objects of payments as they are now. Every method throws DroverError. */
export interface StripePaymentObjects {
  /** Undefined when this account and mode have no such object. */
  find(kind: StripeObjectKind, id: string): Promise<JsonObject | undefined>;
  /** All refunds of a charge. */
  refundsOf(charge: string): Promise<readonly JsonObject[]>;
}

export const stripeObjectKinds = ['payment_intent', 'charge', 'refund', 'dispute'] as const;
export type StripeObjectKind = (typeof stripeObjectKinds)[number];

/** Reads payments of one Stripe account, in the mode of its key. */
export function openStripePaymentObjects(options: StripeCatalogOptions): StripePaymentObjects {
  const client = createStripeClient(options);
  const requests: Readonly<Record<StripeObjectKind, (id: string) => Promise<unknown>>> = {
    payment_intent: (id) => client.paymentIntents.retrieve(id),
    charge: (id) => client.charges.retrieve(id),
    refund: (id) => client.refunds.retrieve(id),
    dispute: (id) => client.disputes.retrieve(id),
  };
  return {
    find: async (kind, id) => (await undefinedIfMissing(requests[kind](id))) as JsonObject | undefined,
    async refundsOf(charge) {
      const refunds: JsonObject[] = [];
      for (let after: string | undefined; ; ) {
        const page = await withDroverErrors(
          client.refunds.list({ charge, limit: 100, ...(after === undefined ? {} : { starting_after: after }) }),
        );
        refunds.push(...(page.data as unknown as JsonObject[]));
        after = page.data.at(-1)?.id;
        if (!page.has_more || after === undefined) return refunds;
      }
    },
  };
}
