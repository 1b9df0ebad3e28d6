import { BASE62, type Random } from '../../core/random.ts';
import {
  lookupKeyOf,
  major,
  type Outcome,
  type ProductDraft,
  type StripeNaming,
  type StripeSeed,
  syncedObjects,
} from './product-draft.ts';

/** What a trap may use besides its product. */
interface TrapContext {
  readonly random: Random;
  readonly naming: StripeNaming;
  /** A product without traps. */
  readonly neighbour: ProductDraft;
}

/** One kind of dirt in products. */
interface Trap {
  /** How many of a thousand products have it; at least one. */
  readonly perThousand: number;
  /** The code with which the product must not be moved; without one it must be moved. */
  readonly code?: string;
  readonly outcome?: Outcome;
  readonly appliesTo?: (draft: ProductDraft) => boolean;
  /** Changes the product. Returns the value that the mover must read, where it is not obvious. */
  readonly apply: (draft: ProductDraft, context: TrapContext) => string | undefined;
}

type Traps = Readonly<Record<string, Trap>>;

/** Applies traps, at most one to each product, so that its outcome has one reason. `density` 0 applies none. */
export function applyTraps(
  drafts: readonly ProductDraft[],
  traps: Traps,
  density: number,
  random: Random,
  naming: StripeNaming,
) {
  const free = random.shuffle(drafts.filter(({ marks }) => marks.length === 0));
  const neighbours = free.splice(0, Math.ceil(free.length / 3));
  const [firstNeighbour] = neighbours;
  if (density === 0 || firstNeighbour === undefined) return;
  for (const [name, trap] of Object.entries(traps)) {
    const wanted = Math.max(1, Math.round((drafts.length * trap.perThousand * density) / 1000));
    for (let i = 0; i < wanted; i++) {
      const at = free.findIndex((draft) => trap.appliesTo?.(draft) !== false);
      const [draft] = at === -1 ? [] : free.splice(at, 1);
      if (draft === undefined) break;
      applyTrap(name, trap, draft, { random, naming, neighbour: neighbours[i % neighbours.length] ?? firstNeighbour });
    }
  }
}

function applyTrap(name: string, trap: Trap, draft: ProductDraft, context: TrapContext): void {
  const means = trap.apply(draft, context);
  draft.marks.push(means === undefined ? { trap: name } : { trap: name, means });
  if (trap.code !== undefined) draft.verdict = { outcome: trap.outcome ?? 'rejected', code: trap.code };
}

// Prices and currencies.

/** Traps in prices and currencies; text such as `Free` only in a text column. */
export function priceTraps(column: 'numeric' | 'text'): Traps {
  return column === 'text'
    ? { ...NUMBER_TRAPS, ...WORD_TRAPS, ...CURRENCY_TEXT_TRAPS }
    : { ...NUMBER_TRAPS, ...CURRENCY_TEXT_TRAPS };
}

const NUMBER_TRAPS: Traps = {
  // 19.99 as a four-byte float, printed as an eight-byte one.
  'price-float-noise': rejectedPrice(4, 'BAD_AMOUNT', (draft) => {
    draft.fields.price = String(Math.fround(19.99));
  }),
  'price-too-fine': rejectedPrice(4, 'BAD_AMOUNT', (draft, { random }) => {
    draft.fields.price = random.pick(['0.005', '12.345', '0.0099']);
    draft.fields.currency = 'USD';
  }),
  'price-negative': rejectedPrice(2, 'BAD_AMOUNT', (draft) => {
    draft.fields.price = '-5.00';
  }),
  'price-zero': rejectedPrice(5, 'FREE_PRICE', (draft) => {
    draft.fields.price = '0';
  }),
  'price-missing': rejectedPrice(4, 'NO_PRICE', (draft) => {
    draft.fields.price = null;
  }),
  'currency-zero-decimal': validCurrency(10, 'JPY', 2500),
  'currency-three-decimal': validCurrency(5, 'KWD', 12_340),
  'currency-isk': validCurrency(3, 'ISK', 1500),
  'currency-ugx': validCurrency(3, 'UGX', 75_000),
  'currency-unknown': rejectedPrice(4, 'UNKNOWN_CURRENCY', (draft, { random }) => {
    draft.fields.currency = random.pick(['QQQ', 'DOLLARS', 'U$D', 'EURO']);
  }),
  'currency-missing': rejectedPrice(3, 'UNKNOWN_CURRENCY', (draft, { random }) => {
    draft.fields.currency = random.pick([null, '', ' ']);
  }),
};

const WORD_TRAPS: Traps = {
  'price-free': rejectedPrice(5, 'FREE_PRICE', (draft, { random }) => {
    draft.fields.price = random.pick(['Free', 'free', 'FREE ']);
  }),
  'price-empty': rejectedPrice(4, 'NO_PRICE', (draft, { random }) => {
    draft.fields.price = random.pick(['', '  ']);
  }),
  'price-words': rejectedPrice(4, 'BAD_NUMBER', (draft, { random }) => {
    draft.fields.price = random.pick(['Ask us', 'from 20', 'TBD', '10-15']);
  }),
};

const CURRENCY_TEXT_TRAPS: Traps = {
  'currency-lower-case': {
    perThousand: 40,
    apply: (draft) => setCurrencyText(draft, String(draft.currency).toLowerCase()),
  },
  'currency-padded': { perThousand: 5, apply: (draft) => setCurrencyText(draft, ` ${draft.currency} `) },
};

function rejectedPrice(perThousand: number, code: string, change: (...given: Parameters<Trap['apply']>) => void): Trap {
  return {
    perThousand,
    code,
    apply: (draft, context) => {
      change(draft, context);
      draft.minor = null;
      return undefined;
    },
  };
}

function validCurrency(perThousand: number, currency: string, minor: number): Trap {
  return {
    perThousand,
    apply: (draft) => {
      Object.assign(draft, { minor, currency });
      Object.assign(draft.fields, { currency, price: major(minor, currency) });
      return `${minor} ${currency}`;
    },
  };
}

function setCurrencyText(draft: ProductDraft, currency: string): string {
  draft.fields.currency = currency;
  return String(draft.currency);
}

// Names, descriptions, images and metadata.

const repeat = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i));

export const CONTENT_TRAPS: Traps = {
  'name-blank': {
    perThousand: 5,
    code: 'MISSING_NAME',
    apply: (draft, { random }) => setFields(draft, { name: random.pick([null, '', '   ', '\u00a0']) }),
  },
  'variant-without-title': {
    perThousand: 8,
    code: 'MISSING_NAME',
    apply: (draft, { neighbour }) => setFields(draft, { name: null, handle: neighbour.fields.handle }),
  },
  'name-too-long': {
    perThousand: 2,
    code: 'NAME_TOO_LONG',
    apply: (draft) => setFields(draft, { name: 'Very long name. '.repeat(350) }),
  },
  'name-padded': {
    perThousand: 8,
    apply: (draft) => {
      const name = String(draft.fields.name);
      draft.fields.name = `  ${name}\u00a0`;
      return name;
    },
  },
  'name-repeated': {
    perThousand: 15,
    apply: (draft, { neighbour }) => setFields(draft, { name: neighbour.fields.name }),
  },
  'sku-case-twin': {
    perThousand: 6,
    apply: (draft, { neighbour }) =>
      setFields(draft, {
        sku: String(neighbour.fields.sku).toLowerCase(),
        slug: String(neighbour.fields.slug).toUpperCase(),
      }),
  },
  'description-html': {
    perThousand: 20,
    apply: (draft) => {
      draft.fields.description = '<p>Soft &amp; <b>warm</b>.<br/>Made in Malm\u00f6</p>';
      return 'Soft & warm. Made in Malm\u00f6';
    },
  },
  'images-too-many': {
    perThousand: 5,
    apply: (draft) =>
      setFields(draft, { images: repeat(12, (i) => `https://cdn.example.com/many/${draft.id}-${i}.png`) }),
  },
  'image-protocol-relative': {
    perThousand: 15,
    apply: setImage('//cdn.example.com/x.png', 'https://cdn.example.com/x.png'),
  },
  'image-relative': { perThousand: 8, apply: setImage('/uploads/x.png', '') },
  'image-with-space': {
    perThousand: 6,
    apply: setImage('https://cdn.example.com/my photo.png', 'https://cdn.example.com/my%20photo.png'),
  },
  'metadata-value-too-long': {
    perThousand: 3,
    code: 'BAD_METADATA',
    apply: (draft) => setFields(draft, { metadata: { care: 'Wash cold. '.repeat(60) } }),
  },
  'metadata-too-many-keys': {
    perThousand: 2,
    code: 'BAD_METADATA',
    apply: (draft) =>
      setFields(draft, { metadata: Object.fromEntries(repeat(60, (i) => `field_${i}`).map((key) => [key, 'x'])) }),
  },
  'metadata-bracket-key': {
    perThousand: 3,
    code: 'BAD_METADATA',
    apply: (draft) => setFields(draft, { metadata: { 'size[eu]': '42' } }),
  },
};

function setFields(draft: ProductDraft, fields: Readonly<Record<string, unknown>>): undefined {
  Object.assign(draft.fields, fields);
  return undefined;
}

function setImage(url: string, means: string) {
  return (draft: ProductDraft) => {
    draft.fields.image_url = url;
    draft.fields.images = [];
    return means;
  };
}

// Results of earlier syncs, in the table and in Stripe.

export const SYNC_TRAPS: Traps = {
  'already-synced': { perThousand: 60, apply: (draft, context) => markSynced(draft, context) },
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
      const otherProduct = `prod_${random.text(14, BASE62)}`;
      const price = `price_1${random.text(23, BASE62)}`;
      draft.stripe.push(...productOnly(seeds), ...unrelatedPrice(otherProduct, price, {}));
      return setSyncFields(draft, product, price, 'synced');
    },
  },
  'default-price-archived': {
    perThousand: 5,
    apply: (draft, context) => markSynced(draft, context, { active: false }),
  },
  'price-changed-after-sync': {
    perThousand: 15,
    apply: (draft, context) => {
      const before = (draft.minor ?? 0) + 500;
      markSynced(draft, context, { unit_amount: before, unit_amount_decimal: String(before) });
      draft.fields.sync_status = 'pending';
      return undefined;
    },
  },
  'lookup-key-taken': {
    perThousand: 3,
    code: 'LOOKUP_KEY_TAKEN',
    apply: (draft, { naming, random }) => {
      const [otherProduct, price] = [`prod_${random.text(14, BASE62)}`, `price_1${random.text(23, BASE62)}`];
      draft.stripe.push(...unrelatedPrice(otherProduct, price, { lookup_key: lookupKeyOf(draft, naming) }));
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

/** Puts product and price into Stripe and their ids into the row. */
function markSynced(
  draft: ProductDraft,
  { naming, random }: TrapContext,
  price: Readonly<Record<string, unknown>> = {},
) {
  const synced = syncedObjects(draft, naming, random, price);
  draft.stripe.push(...synced.seeds);
  return setSyncFields(draft, synced.product, synced.price, 'synced');
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

/** A product and a price that do not belong to the catalogue. */
function unrelatedPrice(product: string, price: string, more: Readonly<Record<string, unknown>>): StripeSeed[] {
  const money = { currency: 'usd', unit_amount: 777, unit_amount_decimal: '777' };
  return [
    { mode: 'test', object: 'product', fields: { id: product, name: 'Somebody else’s' } },
    { mode: 'test', object: 'price', fields: { id: price, product, ...money, ...more } },
  ];
}
