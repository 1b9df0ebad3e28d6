import { BASE62, type Random } from '../../core/random.ts';

/** The ids and lookup keys that the mover uses in Stripe; see the options of the same names. */
export interface StripeNaming {
  readonly productId: string;
  readonly lookupKey: string;
}

const START_MS = Date.UTC(2023, 0, 1);
const SPAN_MS = 600 * 86_400_000;

/** A product without traps that was never synced. */
export function productDraft(id: string, index: number, random: Random): ProductDraft {
  const currency = random.pick(CURRENCIES);
  const minor = random.int(99, 49_999);
  const name = `${random.pick(ADJECTIVES)} ${random.pick(THINGS)} ${index}`;
  const sku = `SKU-${String(index).padStart(6, '0')}`;
  const created = START_MS + random.int(0, SPAN_MS);
  const updated = created + random.int(0, 90 * 86_400_000);
  const picture = `https://cdn.example.com/products/${index}.png`;
  return {
    id,
    minor,
    currency,
    verdict: RECONCILED,
    marks: [],
    stripe: [],
    fields: {
      id,
      name,
      description: random.chance(0.8) ? `${name}, made to last.` : null,
      price: major(minor, currency),
      currency,
      image_url: random.chance(0.9) ? picture : null,
      images: random.chance(0.3) ? [picture, picture.replace('.png', '-back.png')] : [],
      active: random.chance(0.92),
      sku,
      slug: sku.toLowerCase(),
      handle: `product-${index}`,
      metadata: { colour: random.pick(COLOURS) },
      stripe_product_id: null,
      stripe_price_id: null,
      sync_status: 'pending',
      deleted_at: null,
      created_at: timestampText(created, random),
      updated_at: timestampText(updated, random),
    },
  };
}

/** The draft's product and price as an earlier sync created them in Stripe. `price` overrides fields of the price. */
export function syncedObjects(
  draft: ProductDraft,
  naming: StripeNaming,
  random: Random,
  price: Readonly<Record<string, unknown>> = {},
): { product: string; price: string; seeds: StripeSeed[] } {
  const { name, description, image_url: image, active } = draft.fields;
  const product = naming.productId.replace('{id}', draft.id);
  const priceId = `price_1${random.text(23, BASE62)}`;
  const metadata = { cms_id: draft.id };
  const images = typeof image === 'string' ? [image] : [];
  const amount = stripeAmount(draft.minor ?? 0, draft.currency ?? 'USD');
  const money = { currency: draft.currency?.toLowerCase(), unit_amount: amount, unit_amount_decimal: String(amount) };
  const fields = { id: priceId, product, metadata, lookup_key: lookupKeyOf(draft, naming), ...money, ...price };
  return {
    product,
    price: priceId,
    seeds: [
      {
        mode: 'test',
        object: 'product',
        fields: { id: product, name, description, images, active, metadata, default_price: priceId },
      },
      { mode: 'test', object: 'price', fields },
    ],
  };
}

export function lookupKeyOf({ id, currency }: ProductDraft, { lookupKey }: StripeNaming): string {
  return lookupKey.replace('{id}', id).replace('{currency}', (currency ?? '').toLowerCase());
}

/** A timestamp with random microseconds, as the database has them. */
function timestampText(ms: number, random: Random): string {
  return new Date(ms).toISOString().replace('Z', `${random.text(3)}+00:00`);
}

export type Outcome = 'reconciled' | 'skipped' | 'rejected';

/** The outcome of a product in a correct migration. */
export interface ExpectedOutcome {
  readonly outcome: Outcome;
  readonly code?: string;
}

interface AppliedTrap {
  readonly trap: string;
  readonly means?: string;
}

/** An object that is in Stripe before the migration starts. */
export interface StripeSeed {
  readonly mode: 'test' | 'live';
  readonly object: 'product' | 'price';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A product that is being generated. */
export interface ProductDraft {
  readonly id: string;
  fields: Record<string, unknown>;
  /** The price that the row means: ISO 4217 minor units and the currency in upper case; null where it cannot be read. */
  minor: number | null;
  currency: string | null;
  verdict: ExpectedOutcome;
  readonly marks: AppliedTrap[];
  readonly stripe: StripeSeed[];
}

const RECONCILED: ExpectedOutcome = { outcome: 'reconciled' };

const EXPONENTS: Readonly<Record<string, number>> = { JPY: 0, KRW: 0, ISK: 0, UGX: 0, KWD: 3, BHD: 3 };

function exponentOf(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** Minor units as a decimal in major units: 1999 USD is 19.99. */
export function major(minor: number, currency: string): string {
  const exponent = exponentOf(currency);
  if (exponent === 0) return String(minor);
  const digits = String(minor).padStart(exponent + 1, '0');
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** The amount in Stripe's `unit_amount`: minor units, but ISK and UGX as if they had two decimals. */
export function stripeAmount(minor: number, currency: string): number {
  return currency === 'ISK' || currency === 'UGX' ? minor * 100 : minor;
}

const ADJECTIVES = ['Soft', 'Blue', 'Handmade', 'Organic', 'Vintage', 'Große', 'Été', 'Classic', 'Mini', 'Solar'];
const THINGS = ['T-Shirt', 'Mug', 'Notebook', 'Lamp', 'Scarf', 'Candle', 'Poster', 'Backpack', 'Käsebrett', 'Teapot'];
const COLOURS = ['red', 'green', 'navy', 'black', 'sand'];
/** The usual currencies. */
const CURRENCIES = ['USD', 'USD', 'USD', 'EUR', 'GBP', 'PHP'];
