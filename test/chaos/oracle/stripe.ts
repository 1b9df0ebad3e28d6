import type { StripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';
import { stripeAmount } from '../../../src/sandbox/supabase/data/product-draft.ts';
import type { SupabaseSandbox } from '../../../src/sandbox/supabase/sandbox.ts';
import type { Probe } from '../probe.ts';
import { combineFindings, describeItems, type Finding, groupBy } from './finding.ts';

interface Account {
  readonly supabase: SupabaseSandbox;
  readonly stripe: StripeSandbox;
}

type Price = Readonly<Record<string, unknown>>;

/**
 * What came of a catalogue, by the journal of the Stripe sandbox, its objects, and plain SQL. How products are named and
 * what they cost is written down here again, so that the oracle learns nothing from the plan.
 */
export async function checkStripe(
  account: Account,
  { probe, schema }: { readonly probe: Probe; readonly schema: string },
): Promise<Finding> {
  const ids = account.supabase.data.ids('products');
  return combineFindings([
    checkCreatedObjects(account, ids),
    checkActivePrices(account, ids),
    checkPriceSums(account),
    checkWrittenBack(account, ids),
    await checkTargetTable(account, ids, probe, schema),
  ]);
}

const productOf = (id: string): string => `cms_${id}`;

/** By the journal, which knows what was made also when the answer was lost: each product and each price once. */
function checkCreatedObjects({ stripe }: Account, ids: readonly string[]): Finding {
  const made = stripe.journal.entries().flatMap(({ notes }) => notes?.created?.split(' ') ?? []);
  const [prices, products] = [made.filter(isPrice), made.filter((id) => !isPrice(id))];
  const wanted = new Set(ids.map(productOf));
  const ofProduct = groupBy(prices, (id) => String(stripe.data.get('price', id)?.product));
  const [twice, strange] = [duplicatesIn(products), products.filter((id) => !wanted.has(id))];
  const without = [...wanted].filter((id) => !ofProduct.has(id));
  const several = [...ofProduct].filter(([, all]) => all.length > 1).map(([id, all]) => `${id}: ${all.join(' ')}`);
  return {
    lost: without.length,
    doubled: twice.length + several.length,
    problems: [
      ...describeItems('products that were made twice', twice),
      ...describeItems('products of no record', strange),
      ...describeItems('products for which more than one price was made', several),
      ...describeItems('products for which no price was made', without),
    ],
  };
}

/** By the objects: every product is there, and is sold at one price, which is the row's. */
function checkActivePrices({ stripe, supabase }: Account, ids: readonly string[]): Finding {
  const sold = groupBy(
    stripe.data.all('price').filter(({ active }) => active),
    ({ product }) => String(product),
  );
  const missing = ids.filter((id) => stripe.data.get('product', productOf(id)) === undefined);
  const several = ids.filter((id) => (sold.get(productOf(id)) ?? []).length > 1);
  const wrong = ids.filter((id) => {
    const [price] = sold.get(productOf(id)) ?? [];
    const product = stripe.data.get('product', productOf(id));
    return product?.default_price !== price?.id || !isExpectedPrice(price, id, supabase);
  });
  return {
    lost: missing.length,
    doubled: several.length,
    problems: [
      ...describeItems('products that Stripe does not have', missing),
      ...describeItems('products sold at two prices', several),
      ...describeItems('products sold at another price than their rows say', wrong),
    ],
  };
}

function isExpectedPrice(price: Price | undefined, id: string, { data }: SupabaseSandbox): boolean {
  const row = data.get('products', id);
  const currency = String(row?.currency);
  // The catalogue writes every decimal its currency has, so without the point these are minor units.
  const minor = Number(String(row?.price).replace('.', ''));
  return (
    price !== undefined &&
    price.unit_amount === stripeAmount(minor, currency) &&
    price.currency === currency.toLowerCase() &&
    price.lookup_key === `cms_${id}_${currency.toLowerCase()}` &&
    (price.metadata as Record<string, string>).cms_id === id
  );
}

/** What all that is sold adds up to, by currency, against what the catalogue knows it holds. */
function checkPriceSums({ stripe, supabase }: Account): Finding {
  const sold = stripe.data.all('price').filter(({ active }) => active);
  const sums = [...groupBy(sold, ({ currency }) => String(currency).toUpperCase())].map(([currency, prices]) => {
    const total = prices.reduce((sum, { unit_amount: amount }) => sum + BigInt(String(amount)), 0n);
    return `${currency}: ${total} in ${prices.length}`;
  });
  const wanted = supabase.manifest.sums.map(
    ({ currency, count, stripeAmount }) => `${currency}: ${stripeAmount} in ${count}`,
  );
  const differing = [...sums.filter((sum) => !wanted.includes(sum)), ...wanted.filter((sum) => !sums.includes(sum))];
  return { lost: 0, doubled: 0, problems: describeItems('sums that differ', differing) };
}

/** The catalogue's rows name what they have become. */
function checkWrittenBack({ stripe, supabase }: Account, ids: readonly string[]): Finding {
  const wrong = ids.filter((id) => {
    const row = supabase.data.get('products', id);
    const product = stripe.data.get('product', productOf(id));
    const named = row?.stripe_product_id === product?.id && row?.stripe_price_id === product?.default_price;
    return !named || row?.sync_status !== 'synced';
  });
  return { lost: 0, doubled: 0, problems: describeItems('rows that do not name their product and price', wrong) };
}

/** Our own table of what was made: one row a product, with the ids of the objects that are there. */
async function checkTargetTable(
  { stripe }: Account,
  ids: readonly string[],
  probe: Probe,
  schema: string,
): Promise<Finding> {
  const rows = await probe.query<{ product: string; price: string }>(
    `SELECT stripe_product_id AS product, stripe_price_id AS price FROM ${schema}.products`,
  );
  const byProduct = groupBy(rows, ({ product }) => product);
  const missing = ids.filter((id) => !byProduct.has(productOf(id)));
  const twice = [...byProduct].filter(([, found]) => found.length > 1).map(([id]) => id);
  const wrong = rows.filter(({ product, price }) => stripe.data.get('product', product)?.default_price !== price);
  return {
    lost: missing.length,
    doubled: twice.length,
    problems: [
      ...describeItems('products without a row in the target', missing),
      ...describeItems('products with two rows', twice),
      ...describeItems(
        'rows with another price than the product has',
        wrong.map(({ product }) => product),
      ),
    ],
  };
}

const isPrice = (id: string): boolean => id.startsWith('price_');

function duplicatesIn(ids: readonly string[]): string[] {
  return [...groupBy(ids, (id) => id)].filter(([, all]) => all.length > 1).map(([id]) => id);
}
