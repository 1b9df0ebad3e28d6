import type { Redis } from 'ioredis';
import { createEffects, type EffectStore, type LeasedRecord } from '../../src/engine/api-effects/effects.ts';
import { startStripeSandbox } from '../../src/sandbox/stripe/sandbox.ts';
import type { DesiredProduct } from '../../src/targets/stripe/lookup.ts';
import { createProductWriter } from '../../src/targets/stripe/products.ts';
import { openStripeCatalog } from '../../src/upstreams/stripe/client.ts';
import { createUpstreamFactory } from '../../src/upstreams/upstream.ts';

const wanted: DesiredProduct = {
  ...{ recordId: '1', productId: 'cms_1', lookupKey: 'cms_1_usd', name: 'New', description: null, images: [] },
  ...{ active: true, metadata: {}, currency: 'USD', unitAmount: 500 },
};
const known = { productId: null, priceId: null, synced: false };

/**
 * A product gets a new price, and the answer to the request that makes it the default one is lost. A day later another
 * takes the record up, as an engine with these effects does. Answers what is wrong at Stripe then.
 */
export async function loseAnswerThenRetry(
  effects: EffectStore,
  held: LeasedRecord,
  redis: Redis,
  prefix: string,
): Promise<string[]> {
  const faults = [{ fault: 'drop-after', method: 'POST', operation: 'update', resource: 'products', nth: 1 }] as const;
  const stripe = await startStripeSandbox({ globalRps: 0, endpointRps: 0, faults: [...faults] });
  const metadata = { cms_id: '1' };
  stripe.data.insert('product', { id: 'cms_1', name: 'Old', metadata, default_price: 'price_old' });
  stripe.data.insert('price', { id: 'price_old', product: 'cms_1', metadata, unit_amount: 1, lookup_key: 'cms_1_usd' });
  const signal = AbortSignal.timeout(20_000);
  const upstreams = createUpstreamFactory({ redis, prefix, allowPrivate: true, logger: { warn: () => undefined } });
  const options = { baseUrl: stripe.url, secretKey: stripe.secretKey, maxRps: 1_000, endpointMaxRps: 1_000 };
  const { runId, entity, sourceId } = held.record;
  const writer = createProductWriter(openStripeCatalog({ upstreams, signal, ...options }), runId);
  const attempt = async (): Promise<unknown> => {
    const again = (await effects.startedSourceIds(runId, entity, [sourceId])).has(sourceId);
    return writer.write(wanted, known, again, { skipExisting: false }, createEffects(effects, held, 'test'));
  };
  try {
    const first = await attempt().then(
      () => 'was answered',
      () => undefined,
    );
    stripe.forget();
    await attempt();
    const sold = stripe.data.all('price').filter(({ active }) => active);
    return [...(first === undefined ? [] : [first]), ...(sold.length === 1 ? [] : [`sold at ${sold.length} prices`])];
  } finally {
    await stripe.close();
  }
}
