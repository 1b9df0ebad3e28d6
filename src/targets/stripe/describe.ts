import { toMajor } from '../../money.ts';
import type { Json } from '../../plan/json.ts';
import type { Price } from '../../upstreams/stripe/client.ts';
import { fromStripe } from './amounts.ts';
import type { ProductChange } from './decide.ts';
import type { DesiredProduct } from './wanted.ts';

/** What is done to a product, field by field, in a line. */
export function describeChange(change: ProductChange, wanted: DesiredProduct): string {
  const {
    product,
    price,
    differences,
    reactivate: revive,
    moveLookupKey: takeKey,
    makeDefault,
    pricesToArchive: retired,
  } = change;
  const parts = differences.map(({ field, from, to }) => `${field}: ${shortJson(from)} → ${shortJson(to)}`);
  if (price === undefined) parts.push(`new price ${wantedAmount(wanted)}`);
  if (price && revive) parts.push(`price ${price.id}: sold again`);
  if (price && takeKey)
    parts.push(`price ${price.id}: lookup key ${shortJson(price.lookup_key)} → ${shortJson(wanted.lookupKey)}`);
  if (price && makeDefault) parts.push(`default price: ${price.id}`);
  for (const old of retired) parts.push(`price ${old.id} (${amountOf(old)}) archived`);
  return `${product.id}: ${parts.join('; ') || 'nothing changes'}`;
}

export function describeCreate(wanted: DesiredProduct): string {
  return `makes ${wanted.productId} ${shortJson(wanted.name)} with a price of ${wantedAmount(wanted)}`;
}

function wantedAmount({ unitAmount, currency }: DesiredProduct): string {
  return `${toMajor(fromStripe(unitAmount, currency), currency)} ${currency}`;
}

function amountOf({ unit_amount: amount, currency }: Price): string {
  const code = currency.toUpperCase();
  return amount === null ? code : `${toMajor(fromStripe(amount, code), code)} ${code}`;
}

const maxShownLength = 80;

function shortJson(value: Json): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength - 1)}…` : text;
}
