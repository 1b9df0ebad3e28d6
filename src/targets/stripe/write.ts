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
import { fieldsAfter, type ProductChange, updateParams } from './decide.ts';
import { type DesiredProduct, defaultPrice, metadataKeys, priceFields, productFields } from './lookup.ts';

/** The context of a write. */
export interface WriteContext {
  readonly stripe: StripeCatalog;
  readonly effects: Effects;
  readonly runId: string;
}

/** The objects after a write. */
export interface WrittenObjects {
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
 * Creates the product with its price in one request: a worker killed meanwhile has created both or neither, and the chosen id
 * prevents a second creation. The price gets its lookup key in a second request.
 */
export async function createProductWithPrice(
  { stripe, effects, runId }: WriteContext,
  wanted: DesiredProduct,
): Promise<WrittenObjects> {
  const { productId: id, name, description, images, active, metadata, currency, unitAmount } = wanted;
  const body = {
    id,
    name,
    ...(description === null ? {} : { description }),
    ...(images.length === 0 ? {} : { images: [...images] }),
    active,
    metadata: { ...metadata, [metadataKeys.record]: wanted.recordId, [metadataKeys.run]: runId },
    default_price_data: { currency: currency.toLowerCase(), unit_amount: unitAmount },
  } satisfies ProductCreate & JsonObject;
  const effect = { step: 'create product', body, creates: { kind: 'product', id } };
  const product = await effects.run(effect, (key) => stripe.createProduct(body, key));
  const price = defaultPrice(product);
  if (price === undefined) throw new Error(`Stripe created the product ${id} without its price`);
  await effects.recordCreated({ kind: 'price', id: price.id });
  const marked = await updatePrice({ stripe, effects, runId }, price, {
    lookup_key: wanted.lookupKey,
    metadata: { [metadataKeys.record]: wanted.recordId, [metadataKeys.run]: runId },
  });
  return { product, price: marked };
}

/** Updates an existing product: the price first, then the product in one request, then old prices. */
export async function applyChange(
  writing: WriteContext,
  wanted: DesiredProduct,
  decided: ProductChange,
): Promise<WrittenObjects> {
  const price = decided.price
    ? await updatePriceInPlace(writing, wanted, decided, decided.price)
    : await createNewPrice(writing, wanted, decided);
  const product = await updateProduct(writing, decided, price);
  for (const old of decided.pricesToArchive) await updatePrice(writing, old, { active: false });
  return { product, price };
}

async function updatePriceInPlace(
  writing: WriteContext,
  wanted: DesiredProduct,
  decided: ProductChange,
  price: Price,
): Promise<Price> {
  const body = {
    ...(decided.reactivate ? { active: true } : {}),
    ...(decided.moveLookupKey
      ? { lookup_key: wanted.lookupKey, metadata: { [metadataKeys.record]: wanted.recordId } }
      : {}),
    ...(decided.moveLookupKey && decided.previousKeyHolder ? { transfer_lookup_key: true } : {}),
  };
  return Object.keys(body).length === 0 ? price : updatePrice(writing, price, body, lookupKeyLoss(decided));
}

/** A new price takes over the lookup key in the same request, so that a price with the key always exists. */
async function createNewPrice(
  { stripe, effects, runId }: WriteContext,
  wanted: DesiredProduct,
  decided: ProductChange,
): Promise<Price> {
  const body = {
    product: decided.product.id,
    currency: wanted.currency.toLowerCase(),
    unit_amount: wanted.unitAmount,
    lookup_key: wanted.lookupKey,
    ...(decided.previousKeyHolder ? { transfer_lookup_key: true } : {}),
    metadata: { [metadataKeys.record]: wanted.recordId, [metadataKeys.run]: runId },
  } satisfies PriceCreate & JsonObject;
  const effect = { step: 'create price', body, creates: { kind: 'price' }, changes: lookupKeyLoss(decided) };
  return effects.run(effect, (key) => stripe.createPrice(body, key));
}

/** The price that loses the lookup key when another takes it. */
function lookupKeyLoss({ previousKeyHolder }: ProductChange): readonly ChangedObject[] {
  if (previousKeyHolder === undefined) return [];
  return [
    {
      object: { kind: 'price', id: previousKeyHolder.id },
      before: priceFields(previousKeyHolder),
      after: { lookup_key: null },
    },
  ];
}

async function updateProduct(
  { stripe, effects }: WriteContext,
  decided: ProductChange,
  price: Price,
): Promise<Product> {
  const { product, differences, makeDefault } = decided;
  const update = { ...updateParams(differences), ...(makeDefault ? { default_price: price.id } : {}) };
  if (Object.keys(update).length === 0) return product;
  const after = { ...fieldsAfter(differences), ...(makeDefault ? { default_price: price.id } : {}) };
  const object = { kind: 'product', id: product.id };
  const changes = [{ object, before: productFields(product), after }];
  const effect = { step: 'update product', body: { id: product.id, ...update }, changes };
  return effects.run(effect, (key) => stripe.updateProduct(product.id, update as ProductUpdate, key));
}

async function updatePrice(
  { stripe, effects }: WriteContext,
  price: Price,
  update: PriceChanges,
  others: readonly ChangedObject[] = [],
): Promise<Price> {
  const { transfer_lookup_key: _, ...after } = update;
  const own = { object: { kind: 'price', id: price.id }, before: priceFields(price), after };
  const effect = { step: 'update price', body: { id: price.id, ...update }, changes: [own, ...others] };
  return effects.run(effect, (key) => stripe.updatePrice(price.id, update, key));
}
