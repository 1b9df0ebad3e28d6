import { conflict, invalid } from '../failure.ts';
import {
  assertChargeable,
  currency,
  decimalAmount,
  flag,
  integer,
  MAX_AMOUNT,
  mergeMetadata,
  metadata,
  objectOf,
  oneOf,
  optionalText,
  required,
  text,
  unvalidated,
  type Values,
} from '../params.ts';
import type { StripeObject } from '../store.ts';
import type { Context } from './resource.ts';

const recurring = objectOf({
  interval: required(oneOf('day', 'month', 'week', 'year')),
  interval_count: integer(1),
  meter: text(),
  trial_period_days: integer(0),
  usage_type: oneOf('licensed', 'metered'),
});

/** The parameters that `default_price_data` and a new price share. */
export const priceDataShape = {
  currency: required(currency),
  currency_options: unvalidated,
  custom_unit_amount: unvalidated,
  metadata,
  recurring,
  tax_behavior: oneOf('exclusive', 'inclusive', 'unspecified'),
  unit_amount: integer(0, MAX_AMOUNT),
  unit_amount_decimal: decimalAmount,
};

export const priceShape = {
  ...priceDataShape,
  active: flag,
  billing_scheme: oneOf('per_unit', 'tiered'),
  lookup_key: optionalText(200),
  nickname: optionalText(),
  transfer_lookup_key: flag,
  transform_quantity: objectOf({ divide_by: required(integer(1)), round: required(oneOf('down', 'up')) }),
};

type NewPrice = Values<typeof priceShape> & { readonly product: string };

/** A new price, not yet stored. Throws StripeFailure on an invalid amount or a tiered price. */
export function makePrice(given: NewPrice, context: Context): StripeObject {
  const { store } = context;
  assertAmount(given);
  if (given.billing_scheme === 'tiered')
    throw invalid('This sandbox does not support tiered prices', { param: 'billing_scheme' });
  return {
    ...blankPrice(context),
    id: store.newId('price'),
    object: 'price',
    active: given.active ?? true,
    currency: given.currency,
    custom_unit_amount: given.custom_unit_amount === undefined ? null : { maximum: null, minimum: null, preset: null },
    lookup_key: given.lookup_key ?? null,
    metadata: mergeMetadata({}, given.metadata),
    nickname: given.nickname ?? null,
    product: given.product,
    recurring: recurringOf(given),
    tax_behavior: given.tax_behavior ?? 'unspecified',
    transform_quantity: given.transform_quantity ?? null,
    type: given.recurring === undefined ? 'one_time' : 'recurring',
    ...amountsOf(given),
  };
}

export function blankPrice({ store }: Pick<Context, 'store'>) {
  return {
    active: true,
    billing_scheme: 'per_unit',
    created: store.now(),
    currency: 'usd',
    custom_unit_amount: null,
    livemode: store.livemode,
    lookup_key: null,
    metadata: {},
    nickname: null,
    product: null,
    recurring: null,
    tax_behavior: 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: 'one_time',
    unit_amount: null,
    unit_amount_decimal: null,
  };
}

/** The price that has a lookup key, active or archived. */
function findByLookupKey(key: string, { store }: Pick<Context, 'store'>): StripeObject | undefined {
  for (const price of store.all('price').newestFirst()) if (price.lookup_key === key) return price;
  return undefined;
}

/** Throws StripeFailure when a price other than `own` has the lookup key, unless the key is to be transferred. */
export function assertLookupKeyFree(key: string, transfer: boolean, context: Context, own?: string): void {
  const holder = transfer ? undefined : findByLookupKey(key, context);
  if (holder === undefined || holder.id === own) return;
  throw conflict(`A price (\`${holder.id}\`) already uses that lookup key.`, { param: 'lookup_key' });
}

/** Removes a lookup key from the price that has it, unless that is `own`. */
export function releaseLookupKey(key: string, context: Context, own?: string): void {
  const holder = findByLookupKey(key, context);
  if (holder === undefined || holder.id === own) return;
  context.emit('price.updated', context.store.put({ ...holder, lookup_key: null }), { lookup_key: key });
}

function assertAmount(given: NewPrice): void {
  const names = ['unit_amount', 'unit_amount_decimal', 'custom_unit_amount'] as const;
  const present = names.filter((name) => given[name] !== undefined);
  if (present.length === 0) {
    throw invalid('Missing required param: unit_amount.', { code: 'parameter_missing', param: 'unit_amount' });
  }
  if (present.length > 1) {
    throw invalid(`You may only specify one of these parameters: ${present.join(', ')}.`, {
      param: String(present[0]),
    });
  }
  if (given.unit_amount !== undefined) assertChargeable(given.unit_amount, given.currency, 'unit_amount');
}

function amountsOf({ unit_amount: whole, unit_amount_decimal: decimal }: NewPrice) {
  if (whole !== undefined) return { unit_amount: whole, unit_amount_decimal: String(whole) };
  if (decimal === undefined) return {};
  return { unit_amount: decimal.includes('.') ? null : Number(decimal), unit_amount_decimal: decimal };
}

function recurringOf({ recurring: given }: NewPrice) {
  if (given === undefined) return null;
  const { interval, interval_count: count = 1, meter = null, trial_period_days: trial = null } = given;
  const usage = given.usage_type ?? 'licensed';
  return { interval, interval_count: count, meter, trial_period_days: trial, usage_type: usage };
}
