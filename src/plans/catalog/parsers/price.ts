import { DroverError } from '../../../errors.ts';
import { parseCurrency, toMinor } from '../../../money.ts';
import type { Json } from '../../../plan/json.ts';
import { isSupported, maxUnitAmount, toStripe } from '../../../targets/stripe/index.ts';
import { Problem } from './problem.ts';

export interface Amount {
  /** Minor units of ISO 4217. */
  readonly minor: bigint;
  /** ISO 4217, upper case. */
  readonly currency: string;
}

// Digits and one point. A comma may part thousands or decimals, and nobody knows which.
const decimal = /^[+-]?\d+(\.\d+)?$/;

/** The price of a product: never guessed, never rounded. */
export function readPrice(
  price: Json | undefined,
  currency: Json | undefined,
  fallback: string | undefined,
): Amount | Problem {
  const text = price === null || price === undefined ? '' : String(price).trim();
  if (text === '') return new Problem('NO_PRICE', 'price', 'the product has no price');
  if (/^free$/i.test(text)) return new Problem('FREE_PRICE', 'price', 'the product is free');
  if (!decimal.test(text)) return new Problem('BAD_NUMBER', 'price', 'the price is no number');
  const code = readCurrency(currency, fallback);
  return code instanceof Problem ? code : amountOf(text, code);
}

/** What the price is worth where it can be read, also when it cannot be charged. */
export function readCurrency(currency: Json | undefined, fallback: string | undefined): string | Problem {
  const given = currency === null || currency === undefined ? '' : String(currency).trim();
  const code = given === '' ? fallback : parseCurrency(given);
  if (code === undefined) return new Problem('UNKNOWN_CURRENCY', 'currency', 'the currency is none of ISO 4217');
  if (isSupported(code)) return code;
  return new Problem('UNSUPPORTED_CURRENCY', 'currency', `Stripe does not charge in ${code}`);
}

function amountOf(text: string, currency: string): Amount | Problem {
  const minor = minorOf(text, currency);
  if (minor instanceof Problem) return minor;
  if (minor === 0n) return new Problem('FREE_PRICE', 'price', 'the price is 0');
  if (minor < 0n) return new Problem('BAD_AMOUNT', 'price', 'the price is below 0');
  const charged = toStripe(minor, currency);
  if (charged !== undefined && charged > maxUnitAmount(currency))
    return new Problem('BAD_AMOUNT', 'price', 'the price is more than Stripe takes');
  if (charged !== undefined) return { minor, currency };
  return new Problem('BAD_AMOUNT', 'price', `the price is finer than can be charged in ${currency}`);
}

function minorOf(text: string, currency: string): bigint | Problem {
  try {
    return toMinor(text.replace(/^\+/, ''), currency);
  } catch (thrown) {
    if (!(thrown instanceof DroverError)) throw thrown;
    return new Problem('BAD_AMOUNT', 'price', `the price has more decimals than ${currency} knows`);
  }
}
