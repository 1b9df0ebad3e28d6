import type { ProductDraft } from './draft.ts';
import type { Trap, Traps } from './lay-traps.ts';
import { major } from './money.ts';

/** Prices that mean nothing, or less than they seem to, and currencies. */
export function priceTraps(column: 'numeric' | 'text'): Traps {
  return column === 'text' ? { ...NUMBERS, ...WORDS, ...SPELLINGS } : { ...NUMBERS, ...SPELLINGS };
}

const NUMBERS: Traps = {
  // 19.99 kept in four bytes and printed from eight.
  'price-float-noise': refused(4, 'BAD_AMOUNT', (draft) => {
    draft.fields.price = String(Math.fround(19.99));
  }),
  'price-too-fine': refused(4, 'BAD_AMOUNT', (draft, { random }) => {
    draft.fields.price = random.pick(['0.005', '12.345', '0.0099']);
    draft.fields.currency = 'USD';
  }),
  'price-negative': refused(2, 'BAD_AMOUNT', (draft) => {
    draft.fields.price = '-5.00';
  }),
  'price-zero': refused(5, 'FREE_PRICE', (draft) => {
    draft.fields.price = '0';
  }),
  'price-missing': refused(4, 'NO_PRICE', (draft) => {
    draft.fields.price = null;
  }),
  'currency-zero-decimal': currencyOf(10, 'JPY', 2500),
  'currency-three-decimal': currencyOf(5, 'KWD', 12_340),
  'currency-isk': currencyOf(3, 'ISK', 1500),
  'currency-ugx': currencyOf(3, 'UGX', 75_000),
  'currency-unknown': refused(4, 'UNKNOWN_CURRENCY', (draft, { random }) => {
    draft.fields.currency = random.pick(['QQQ', 'DOLLARS', 'U$D', 'EURO']);
  }),
  'currency-missing': refused(3, 'UNKNOWN_CURRENCY', (draft, { random }) => {
    draft.fields.currency = random.pick([null, '', ' ']);
  }),
};

const WORDS: Traps = {
  'price-free': refused(5, 'FREE_PRICE', (draft, { random }) => {
    draft.fields.price = random.pick(['Free', 'free', 'FREE ']);
  }),
  'price-empty': refused(4, 'NO_PRICE', (draft, { random }) => {
    draft.fields.price = random.pick(['', '  ']);
  }),
  'price-words': refused(4, 'BAD_NUMBER', (draft, { random }) => {
    draft.fields.price = random.pick(['Ask us', 'from 20', 'TBD', '10-15']);
  }),
};

const SPELLINGS: Traps = {
  'currency-lower-case': {
    perThousand: 40,
    apply: (draft) => respelled(draft, String(draft.currency).toLowerCase()),
  },
  'currency-padded': { perThousand: 5, apply: (draft) => respelled(draft, ` ${draft.currency} `) },
};

function refused(perThousand: number, code: string, spoil: (...given: Parameters<Trap['apply']>) => void): Trap {
  return {
    perThousand,
    code,
    apply: (draft, around) => {
      spoil(draft, around);
      draft.minor = null;
      return undefined;
    },
  };
}

function currencyOf(perThousand: number, currency: string, minor: number): Trap {
  return {
    perThousand,
    apply: (draft) => {
      Object.assign(draft, { minor, currency });
      Object.assign(draft.fields, { currency, price: major(minor, currency) });
      return `${minor} ${currency}`;
    },
  };
}

function respelled(draft: ProductDraft, currency: string): string {
  draft.fields.currency = currency;
  return String(draft.currency);
}
