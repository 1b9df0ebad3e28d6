import type { Change as ChangedObject, Effects } from '../../plan/api-target.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type {
  Price,
  PriceCreate,
  Product,
  ProductCreate,
  ProductUpdate,
  StripeCatalog,
} from '../../upstreams/stripe/client.ts';
import type { Change } from './decide.ts';
import { afterOf, updateOf } from './differences.ts';
import { priceFields, productFields } from './fields.ts';
import { defaultPrice } from './look.ts';
import { marks, type Wanted } from './wanted.ts';

/** What a write needs besides what is wanted. */
export interface Writing {
  readonly stripe: StripeCatalog;
  readonly effects: Effects;
  readonly runId: string;
}

/** The objects as they are after a write. */
export interface Written {
  readonly product: Product;
  readonly price: Price;
}

interface PriceChanges extends Record<string, Json> {
  readonly active?: boolean;
  readonly lookup_key?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly transfer_lookup_key?: boolean;
}

/**
 * Makes the product with its price in one request: who is killed over it has made both or neither, and the chosen id lets
 * nobody make them twice. The price gets its lookup key after.
 */
export async function createBoth({ stripe, effects, runId }: Writing, wanted: Wanted): Promise<Written> {
  const { productId: id, name, description, images, active, metadata, currency, unitAmount } = wanted;
  const body = {
    id,
    name,
    ...(description === null ? {} : { description }),
    ...(images.length === 0 ? {} : { images: [...images] }),
    active,
    metadata: { ...metadata, [marks.record]: wanted.mark, [marks.run]: runId },
    default_price_data: { currency: currency.toLowerCase(), unit_amount: unitAmount },
  } satisfies ProductCreate & JsonObject;
  const effect = { step: 'create product', body, makes: { kind: 'product', id } };
  const product = await effects.run(effect, (key) => stripe.createProduct(body, key));
  const price = defaultPrice(product);
  if (price === undefined) throw new Error(`Stripe made the product ${id} without its price`);
  await effects.made({ kind: 'price', id: price.id });
  const marked = await updatePrice({ stripe, effects, runId }, price, {
    lookup_key: wanted.lookupKey,
    metadata: { [marks.record]: wanted.mark, [marks.run]: runId },
  });
  return { product, price: marked };
}

/** Brings a product that is there to what is wanted: price first, then the product in one request, then old prices. */
export async function change(writing: Writing, wanted: Wanted, decided: Change): Promise<Written> {
  const price = decided.price
    ? await kept(writing, wanted, decided, decided.price)
    : await renewed(writing, wanted, decided);
  const product = await productOf(writing, decided, price);
  for (const old of decided.retired) await updatePrice(writing, old, { active: false });
  return { product, price };
}

async function kept(writing: Writing, wanted: Wanted, decided: Change, price: Price): Promise<Price> {
  const body = {
    ...(decided.revive ? { active: true } : {}),
    ...(decided.takeKey ? { lookup_key: wanted.lookupKey, metadata: { [marks.record]: wanted.mark } } : {}),
    ...(decided.takeKey && decided.loser ? { transfer_lookup_key: true } : {}),
  };
  return Object.keys(body).length === 0 ? price : updatePrice(writing, price, body, losing(decided));
}

/** A new price takes the lookup key with it in the same request, so that there is no moment without one. */
async function renewed({ stripe, effects, runId }: Writing, wanted: Wanted, decided: Change): Promise<Price> {
  const body = {
    product: decided.product.id,
    currency: wanted.currency.toLowerCase(),
    unit_amount: wanted.unitAmount,
    lookup_key: wanted.lookupKey,
    ...(decided.loser ? { transfer_lookup_key: true } : {}),
    metadata: { [marks.record]: wanted.mark, [marks.run]: runId },
  } satisfies PriceCreate & JsonObject;
  const effect = { step: 'create price', body, makes: { kind: 'price' }, changes: losing(decided) };
  return effects.run(effect, (key) => stripe.createPrice(body, key));
}

/** The price that loses the lookup key when another takes it. */
function losing({ loser }: Change): readonly ChangedObject[] {
  if (loser === undefined) return [];
  return [{ object: { kind: 'price', id: loser.id }, before: priceFields(loser), after: { lookup_key: null } }];
}

async function productOf({ stripe, effects }: Writing, decided: Change, price: Price): Promise<Product> {
  const { product, differences, makeDefault } = decided;
  const update = { ...updateOf(differences), ...(makeDefault ? { default_price: price.id } : {}) };
  if (Object.keys(update).length === 0) return product;
  const after = { ...afterOf(differences), ...(makeDefault ? { default_price: price.id } : {}) };
  const object = { kind: 'product', id: product.id };
  const changes = [{ object, before: productFields(product), after }];
  const effect = { step: 'update product', body: { id: product.id, ...update }, changes };
  return effects.run(effect, (key) => stripe.updateProduct(product.id, update as ProductUpdate, key));
}

async function updatePrice(
  { stripe, effects }: Writing,
  price: Price,
  update: PriceChanges,
  others: readonly ChangedObject[] = [],
): Promise<Price> {
  const { transfer_lookup_key: _, ...after } = update;
  const own = { object: { kind: 'price', id: price.id }, before: priceFields(price), after };
  const effect = { step: 'update price', body: { id: price.id, ...update }, changes: [own, ...others] };
  return effects.run(effect, (key) => stripe.updatePrice(price.id, update, key));
}
