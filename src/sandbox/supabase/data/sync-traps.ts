import type { ProductDraft, StripeSeed } from './draft.ts';
import type { TrapContext, Traps } from './lay-traps.ts';
import { BASE62, lookupKeyOf, syncedObjects } from './product-draft.ts';

/** What earlier syncs left behind, in the table and in Stripe. */
export const SYNC_TRAPS: Traps = {
  'already-synced': { perThousand: 60, apply: (draft, around) => markSynced(draft, around) },
  'synced-in-live-mode': {
    perThousand: 6,
    apply: (draft, { random }) => {
      const id = `prod_${random.text(14, BASE62)}`;
      draft.stripe.push({ mode: 'live', object: 'product', fields: { id, name: draft.fields.name } });
      return setSyncFields(draft, id, null, 'synced');
    },
  },
  'synced-in-another-account': {
    perThousand: 6,
    apply: (draft, { random }) =>
      setSyncFields(draft, `prod_${random.text(14, BASE62)}`, `price_1${random.text(23, BASE62)}`, 'synced'),
  },
  'price-of-another-product': {
    perThousand: 5,
    apply: (draft, { naming, random }) => {
      const { product, seeds } = syncedObjects(draft, naming, random, { lookup_key: null });
      const stranger = `prod_${random.text(14, BASE62)}`;
      const price = `price_1${random.text(23, BASE62)}`;
      draft.stripe.push(...productOnly(seeds), ...unrelatedPrice(stranger, price, {}));
      return setSyncFields(draft, product, price, 'synced');
    },
  },
  'default-price-archived': {
    perThousand: 5,
    apply: (draft, around) => markSynced(draft, around, { active: false }),
  },
  'price-changed-after-sync': {
    perThousand: 15,
    apply: (draft, around) => {
      const before = (draft.minor ?? 0) + 500;
      markSynced(draft, around, { unit_amount: before, unit_amount_decimal: String(before) });
      draft.fields.sync_status = 'pending';
      return undefined;
    },
  },
  'lookup-key-taken': {
    perThousand: 3,
    code: 'LOOKUP_KEY_TAKEN',
    apply: (draft, { naming, random }) => {
      const [stranger, price] = [`prod_${random.text(14, BASE62)}`, `price_1${random.text(23, BASE62)}`];
      draft.stripe.push(...unrelatedPrice(stranger, price, { lookup_key: lookupKeyOf(draft, naming) }));
      return undefined;
    },
  },
  'partial-sync': {
    perThousand: 6,
    apply: (draft, { naming, random }) => {
      const { product, seeds } = syncedObjects(draft, naming, random);
      draft.stripe.push(...productOnly(seeds));
      return setSyncFields(draft, product, null, 'failed');
    },
  },
  'partial-sync-unrecorded': {
    perThousand: 6,
    apply: (draft, { naming, random }) => {
      const { seeds } = syncedObjects(draft, naming, random);
      draft.stripe.push(...seeds);
      return setSyncFields(draft, null, null, 'pending');
    },
  },
  'sync-in-progress': { perThousand: 4, apply: (draft) => setSyncFields(draft, null, null, 'syncing') },
  'deleted-but-active': {
    perThousand: 8,
    code: 'EXCLUDED',
    outcome: 'skipped',
    apply: (draft) => {
      Object.assign(draft.fields, { active: true, deleted_at: draft.fields.updated_at });
      return undefined;
    },
  },
};

/** Product and price are in Stripe, and the row knows it. */
function markSynced(
  draft: ProductDraft,
  { naming, random }: TrapContext,
  price: Readonly<Record<string, unknown>> = {},
) {
  const found = syncedObjects(draft, naming, random, price);
  draft.stripe.push(...found.seeds);
  return setSyncFields(draft, found.product, found.price, 'synced');
}

function setSyncFields(draft: ProductDraft, product: string | null, price: string | null, status: string): undefined {
  Object.assign(draft.fields, { stripe_product_id: product, stripe_price_id: price, sync_status: status });
  return undefined;
}

function productOnly(seeds: readonly StripeSeed[]): StripeSeed[] {
  return seeds
    .filter(({ object }) => object === 'product')
    .map((seed) => ({ ...seed, fields: { ...seed.fields, default_price: null } }));
}

/** A product and a price that have nothing to do with the catalogue. */
function unrelatedPrice(product: string, price: string, more: Readonly<Record<string, unknown>>): StripeSeed[] {
  const money = { currency: 'usd', unit_amount: 777, unit_amount_decimal: '777' };
  return [
    { mode: 'test', object: 'product', fields: { id: product, name: 'Somebody else’s' } },
    { mode: 'test', object: 'price', fields: { id: price, product, ...money, ...more } },
  ];
}
