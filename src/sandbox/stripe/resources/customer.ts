import {
  integer,
  listOf,
  mergeMetadata,
  metadata,
  metadataChange,
  omit,
  oneOf,
  optionalText,
  stringParam,
  unvalidated,
} from '../params.ts';
import type { AccountStore } from '../store.ts';
import { applyChanges, byTime, byValue, operation, type Resource } from './resource.ts';

const SHARED = {
  address: unvalidated,
  balance: integer(),
  description: optionalText(350),
  email: optionalText(512),
  invoice_prefix: optionalText(12),
  invoice_settings: unvalidated,
  metadata,
  name: optionalText(256),
  phone: optionalText(20),
  preferred_locales: listOf(stringParam),
  shipping: unvalidated,
  tax_exempt: oneOf('', 'exempt', 'none', 'reverse'),
};

const create = operation(
  { ...SHARED, payment_method: stringParam, source: stringParam, test_clock: stringParam },
  (given, context) => {
    const { metadata: pairs, payment_method: method, source, ...rest } = given;
    const fields = omit(rest, 'invoice_settings', 'test_clock');
    const { store } = context;
    const made = store.put({
      ...blankCustomer(store),
      ...fields,
      id: store.newId('cus'),
      object: 'customer',
      default_source: source ?? null,
      invoice_settings: invoiceSettings(method),
      metadata: mergeMetadata({}, pairs),
    });
    context.emit('customer.created', made);
    return made;
  },
);

const update = operation(
  { ...SHARED, default_source: stringParam },
  ({ metadata: pairs, invoice_settings: given, ...fields }, context, target) => {
    const method = (given as { default_payment_method?: string } | null | undefined)?.default_payment_method;
    const settings = given === undefined ? {} : { invoice_settings: invoiceSettings(method) };
    return applyChanges(target, { ...fields, ...settings, ...metadataChange(target, pairs) }, context);
  },
);

const remove = operation({}, (_, context, target) => {
  context.store.delete('customer', target.id);
  context.emit('customer.deleted', target);
  return { id: target.id, object: 'customer', deleted: true };
});

function invoiceSettings(method: string | undefined) {
  return { custom_fields: null, default_payment_method: method ?? null, footer: null, rendering_options: null };
}

function blankCustomer(store: AccountStore) {
  return {
    address: null,
    balance: 0,
    created: store.now(),
    currency: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: null,
    invoice_prefix: store.newId('x').slice(3, 11).toUpperCase(),
    invoice_settings: invoiceSettings(undefined),
    livemode: store.livemode,
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  };
}

/** Several customers may have the same e-mail address; the filter of a list compares it exactly. */
export const customer: Resource = {
  object: 'customer',
  collection: 'customers',
  title: 'customer',
  create,
  update,
  remove,
  filters: { created: byTime('created'), email: byValue('email') },
  searchable: { email: 'text', name: 'text', phone: 'text' },
  blank: blankCustomer,
};
