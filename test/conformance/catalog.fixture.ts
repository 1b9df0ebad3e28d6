import type { FaultMode, PlanFixture, SourceContent, StandIn } from '../../src/plan/conformance/types.ts';
import type { FaultRule } from '../../src/sandbox/core/faults.ts';
import { startStripeSandbox } from '../../src/sandbox/stripe/sandbox.ts';
import { startSupabaseSandbox } from '../../src/sandbox/supabase/sandbox.ts';

const troubles: Readonly<Record<FaultMode, readonly FaultRule[]>> = {
  none: [],
  throttled: [{ fault: 'throttle', every: 4, retryAfter: 0 }],
  failing: [
    { fault: 'error', every: 5 },
    { fault: 'unavailable', every: 7 },
    { fault: 'drop-midway', every: 11 },
  ],
  shifting: [
    { fault: 'insert', operation: 'list', every: 2, count: 2, position: 'before' },
    { fault: 'insert', operation: 'list', every: 3, count: 1, position: 'after' },
  ],
  // Keyset pagination: a repeated page is refused by the source, and requested again.
  repeating: [],
};

/** A catalogue in pages of nine, and a Stripe account for its products. */
async function start(content: SourceContent): Promise<StandIn> {
  const supabase = await startSupabaseSandbox({ products: content === 'filled' ? 40 : 0, dirt: 0, maxRows: 9 });
  const stripe = await startStripeSandbox({ globalRps: 0, endpointRps: 0 });
  return {
    settings: {
      SUPABASE_URL: supabase.url,
      SUPABASE_SERVICE_ROLE_KEY: supabase.keys.serviceRoleKey,
      STRIPE_API_URL: stripe.url,
      STRIPE_SECRET_KEY: stripe.secretKey,
      STRIPE_MAX_RPS: '1000',
      STRIPE_ENDPOINT_MAX_RPS: '1000',
    },
    injectFault: (trouble) => supabase.faults.set([...troubles[trouble]]),
    close: async () => {
      await Promise.all([supabase.close(), stripe.close()]);
    },
  };
}

const products = {
  id: '42',
  name: 'T-Shirt',
  description: '<p>Soft &amp; warm</p>',
  price: '19.99',
  currency: 'USD',
  image_url: '//cdn.example.com/x.png',
  images: ['https://cdn.example.com/y.png'],
  active: true,
  metadata: { colour: 'red' },
  stripe_product_id: null,
  stripe_price_id: null,
  sync_status: 'pending',
  deleted_at: null,
  updated_at: '2024-01-05T15:04:00.123456+00:00',
};

export default { start, records: { products } } satisfies PlanFixture;
