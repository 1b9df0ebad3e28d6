import { toMajor } from '../../money.ts';
import type { Json } from '../../plan/json.ts';
import type { Price } from '../../upstreams/stripe/client.ts';
import { fromStripe } from './amounts.ts';
import type { Change } from './decide.ts';
import type { Wanted } from './wanted.ts';

/** What is done to a product, field by field, in a line. */
export function describeChange(change: Change, wanted: Wanted): string {
  const { product, price, differences, revive, takeKey, makeDefault, retired } = change;
  const parts = differences.map(({ field, from, to }) => `${field}: ${shown(from)} → ${shown(to)}`);
  if (price === undefined) parts.push(`new price ${wantedAmount(wanted)}`);
  if (price && revive) parts.push(`price ${price.id}: sold again`);
  if (price && takeKey)
    parts.push(`price ${price.id}: lookup key ${shown(price.lookup_key)} → ${shown(wanted.lookupKey)}`);
  if (price && makeDefault) parts.push(`default price: ${price.id}`);
  for (const old of retired) parts.push(`price ${old.id} (${amountOf(old)}) archived`);
  return `${product.id}: ${parts.join('; ') || 'nothing changes'}`;
}

export function describeCreate(wanted: Wanted): string {
  return `makes ${wanted.productId} ${shown(wanted.name)} with a price of ${wantedAmount(wanted)}`;
}

function wantedAmount({ unitAmount, currency }: Wanted): string {
  return `${toMajor(fromStripe(unitAmount, currency), currency)} ${currency}`;
}

function amountOf({ unit_amount: amount, currency }: Price): string {
  const code = currency.toUpperCase();
  return amount === null ? code : `${toMajor(fromStripe(amount, code), code)} ${code}`;
}

const longest = 80;

function shown(value: Json): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
