import type { StripeSandbox } from '../../src/sandbox/stripe/sandbox.ts';
import type { SupabaseSandbox } from '../../src/sandbox/supabase/sandbox.ts';

/** Source and target of a catalogue's migration. */
export interface CatalogSandboxes {
  readonly supabase: SupabaseSandbox;
  readonly stripe: StripeSandbox;
}

/** The plan's settings for both, with limits too high to matter. */
export function catalogSandboxEnv({ supabase, stripe }: CatalogSandboxes): Record<string, string> {
  return {
    SUPABASE_URL: supabase.url,
    SUPABASE_SERVICE_ROLE_KEY: supabase.keys.serviceRoleKey,
    STRIPE_API_URL: stripe.url,
    STRIPE_SECRET_KEY: stripe.secretKey,
    STRIPE_MAX_RPS: '5000',
    STRIPE_ENDPOINT_MAX_RPS: '5000',
  };
}

/** The state after an earlier migration: our product with an outdated price that has the lookup key. */
export function seedOutdatedProduct({ supabase, stripe }: CatalogSandboxes, id: string): void {
  const currency = String(supabase.data.get('products', id)?.currency).toLowerCase();
  const [product, price] = [`cms_${id}`, `price_old${id}`];
  const metadata = { cms_id: id };
  stripe.data.insert('product', { id: product, name: 'Old', metadata, default_price: price });
  const money = { currency, unit_amount: 1, unit_amount_decimal: '1' };
  stripe.data.insert('price', { id: price, product, metadata, lookup_key: `cms_${id}_${currency}`, ...money });
}
