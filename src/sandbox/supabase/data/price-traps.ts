import type { ProductDraft } from './draft.ts';
import type { Trap, Traps } from './lay-traps.ts';
import { major } from './money.ts';

/** Prices that mean nothing, or less than they seem to, and currencies. */
export function priceTraps(column: 'numeric' | 'text'): Traps {
  return column === 'text' ? { ...NUMBERS, ...WORDS, ...CURRENCY_TEXT_TRAPS } : { ...NUMBERS, ...CURRENCY_TEXT_TRAPS };
}

const NUMBERS: Traps = {
  // 19.99 kept in four bytes and printed from eight.
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

const WORDS: Traps = {
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

function rejectedPrice(perThousand: number, code: string, spoil: (...given: Parameters<Trap['apply']>) => void): Trap {
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
