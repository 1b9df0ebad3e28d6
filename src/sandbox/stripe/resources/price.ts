import { conflict, invalid } from '../failure.ts';
import {
  currency,
  flag,
  listOf,
  metadata,
  metadataChange,
  objectOf,
  oneOf,
  optionalText,
  required,
  stringParam,
  text,
  unvalidated,
} from '../params.ts';
import type { StripeObject } from '../store.ts';
import { assertLookupKeyFree, blankPrice, makePrice, priceShape, releaseLookupKey } from './price-create.ts';
import { product } from './product.ts';
import { applyChanges, byOneOf, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const productDataShape = {
  name: required(text()),
  id: text(),
  active: flag,
  metadata,
  statement_descriptor: text(22),
  tax_code: text(),
  tax_details: unvalidated,
  unit_label: text(12),
};

const create = operation(
  {
    ...priceShape,
    product: text(),
    product_data: objectOf(productDataShape),
    tiers: unvalidated,
    tiers_mode: unvalidated,
  },
  (given, context) => {
    const { product: named, product_data: data, transfer_lookup_key: transfer = false, lookup_key: key } = given;
    if ((named === undefined) === (data === undefined)) {
      const message = 'You must specify exactly one of these parameters: product, product_data.';
      throw invalid(message, { code: 'parameter_missing', param: 'product' });
    }
    if (named !== undefined) context.find('product', named, 'product');
    const price = makePrice({ ...given, product: named ?? '' }, context);
    if (typeof key === 'string') assertLookupKeyFree(key, transfer, context);
    const owner = named ?? makeProduct(data ?? { name: '' }, context).id;
    if (typeof key === 'string') releaseLookupKey(key, context);
    const made = context.store.put({ ...price, product: owner });
    context.emit('price.created', made);
    return made;
  },
);

function makeProduct(data: Readonly<Record<string, unknown>>, context: Context): StripeObject {
  const none: StripeObject = { id: '', object: 'product' };
  return (product.create as NonNullable<Resource['create']>).run(data, context, none);
}

const update = operation(
  {
    active: flag,
    currency_options: unvalidated,
    lookup_key: optionalText(200),
    metadata,
    nickname: optionalText(),
    tax_behavior: oneOf('exclusive', 'inclusive', 'unspecified'),
    transfer_lookup_key: flag,
  },
  ({ metadata: given, transfer_lookup_key: transfer = false, currency_options: _, ...fields }, context, target) => {
    assertNotDefault(fields.active, target, context);
    if (
      fields.tax_behavior !== undefined &&
      !['unspecified', fields.tax_behavior].includes(String(target.tax_behavior))
    )
      throw invalid('`tax_behavior` cannot be changed once it is set.', { param: 'tax_behavior' });
    const key = fields.lookup_key;
    if (typeof key === 'string') assertLookupKeyFree(key, transfer, context, target.id);
    if (typeof key === 'string') releaseLookupKey(key, context, target.id);
    return applyChanges(target, { ...fields, ...metadataChange(target, given) }, context);
  },
);

function assertNotDefault(active: boolean | undefined, price: StripeObject, { store }: Context): void {
  if (active !== false || store.get('product', String(price.product))?.default_price !== price.id) return;
  throw conflict('This price cannot be archived because it is the default price of its product.', { param: 'active' });
}

export const price: Resource = {
  object: 'price',
  collection: 'prices',
  title: 'price',
  create,
  update,
  filters: {
    active: byValue('active', flag),
    created: byTime('created'),
    currency: byValue('currency', currency),
    lookup_keys: byOneOf('lookup_key', listOf(stringParam, 10)),
    product: byValue('product'),
    recurring: {
      reader: objectOf({ interval: stringParam, usage_type: stringParam, meter: stringParam }),
      matches: ({ recurring }, wanted) =>
        Object.entries(wanted as object).every(([k, v]) => (recurring as Record<string, unknown> | null)?.[k] === v),
    },
    type: byValue('type', oneOf('one_time', 'recurring')),
  },
  searchable: { active: 'token', currency: 'token', lookup_key: 'token', product: 'token', type: 'token' },
  expands: { product: 'product' },
  blank: (store) => blankPrice({ store }),
};
