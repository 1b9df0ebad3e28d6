import { conflict, invalid } from '../failure.ts';
import {
  flag,
  listOf,
  mergeMetadata,
  metadata,
  metadataChange,
  objectOf,
  oneOf,
  optionalText,
  type Reader,
  required,
  stringParam,
  text,
  unvalidated,
  urlParam,
} from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';
import { makePrice, priceDataShape } from './price-create.ts';
import { applyChanges, byOneOf, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const taxDetailsParam = objectOf({ performance_location: optionalText(), tax_code: optionalText() });

interface TaxDetails {
  readonly performance_location: string | null;
  readonly tax_code: string | null;
}

const taxDetails: Reader<TaxDetails | null> = (value, name) => {
  if (value === '') return null;
  const { performance_location: place = null, tax_code: code = null } = taxDetailsParam(value, name);
  return { performance_location: place, tax_code: code };
};

const optionalUrl: Reader<string | null> = (value, name) => (value === '' ? null : urlParam(value, name));

const SHARED = {
  active: flag,
  description: optionalText(40_000),
  images: listOf(urlParam, 8),
  marketing_features: listOf(objectOf({ name: required(text(80)) }), 15),
  metadata,
  package_dimensions: unvalidated,
  shippable: flag,
  statement_descriptor: optionalText(22),
  tax_code: optionalText(),
  tax_details: taxDetails,
  unit_label: optionalText(12),
  url: optionalUrl,
};

const create = operation(
  {
    ...SHARED,
    name: required(text()),
    id: text(),
    type: oneOf('good', 'service'),
    default_price_data: objectOf(priceDataShape),
  },
  ({ id: chosen, default_price_data: priceData, metadata: given, ...fields }, context) => {
    const { store } = context;
    const id = chosen ?? store.newId('prod');
    const product: StripeObject = {
      ...blankProduct(store),
      ...fields,
      id,
      object: 'product',
      metadata: mergeMetadata({}, given),
    };
    if (store.get('product', id) !== undefined) {
      throw conflict('Product already exists.', { code: 'resource_already_exists', param: 'id' });
    }
    const price = priceData && makePrice({ ...priceData, product: id }, context);
    context.emit('product.created', store.put({ ...product, default_price: price?.id ?? null }));
    if (price !== undefined) context.emit('price.created', store.put(price));
    return store.get('product', id) as StripeObject;
  },
);

const update = operation(
  { ...SHARED, name: text(), default_price: optionalText() },
  ({ metadata: given, ...fields }, context, target) => {
    if (typeof fields.default_price === 'string') assertOwnPrice(fields.default_price, target, context);
    const changes = { ...fields, ...metadataChange(target, given) };
    return applyChanges(target, changes, context, { updated: context.store.now() });
  },
);

const remove = operation({}, (_, context, target) => {
  for (const price of context.store.all('price').newestFirst()) {
    if (price.product !== target.id) continue;
    throw conflict('This product cannot be deleted because it has one or more user-created prices.');
  }
  context.store.delete('product', target.id);
  context.emit('product.deleted', target);
  return { id: target.id, object: 'product', deleted: true };
});

function assertOwnPrice(id: string, product: StripeObject, context: Context): void {
  const price = context.find('price', id, 'default_price');
  if (price.product !== product.id) {
    throw invalid(`The price \`${id}\` does not belong to the product \`${product.id}\`.`, { param: 'default_price' });
  }
  if (price.active !== true) {
    throw invalid('The price specified is inactive. This field only accepts active prices.', {
      param: 'default_price',
    });
  }
}

export const product: Resource = {
  object: 'product',
  collection: 'products',
  title: 'product',
  create,
  update,
  remove,
  filters: {
    active: byValue('active', flag),
    created: byTime('created'),
    ids: byOneOf('id', listOf(stringParam)),
    shippable: byValue('shippable', flag),
    type: byValue('type', oneOf('good', 'service')),
    url: byValue('url'),
  },
  searchable: { active: 'token', description: 'text', name: 'text', shippable: 'token', url: 'text' },
  expands: { default_price: 'price' },
  blank: blankProduct,
};

function blankProduct(store: AccountStore) {
  return {
    active: true,
    created: store.now(),
    default_price: null,
    description: null,
    images: [],
    livemode: store.livemode,
    marketing_features: [],
    metadata: {},
    name: 'Product',
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: 'service',
    unit_label: null,
    updated: store.now(),
    url: null,
  };
}
