import Big from 'big.js';
import { DroverError } from './errors.ts';

/**
 * Money is an integer number of minor units and a currency (ISO 4217, upper case). Minor units are `bigint` in code and
 * decimal strings in JSON, because JSON numbers are not exact above 2^53.
 */
export interface Money {
  readonly minor: bigint;
  readonly currency: string;
}

// ISO 4217 exponents that are not 2. Everything else that Intl knows has two decimals.
const exponents: Record<string, number> = {
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0, XAF: 0,
  XOF: 0, XPF: 0,
  CLF: 4, UYW: 4,
}; // biome-ignore format: a table reads better in rows

const knownCurrencies = new Set(Intl.supportedValuesOf('currency'));

/** The currency code in upper case, or undefined when it is not a currency. */
export function parseCurrency(text: string): string | undefined {
  const code = text.trim().toUpperCase();
  return knownCurrencies.has(code) ? code : undefined;
}

/** The number of decimals of the currency: 2 for USD, 0 for JPY, 3 for KWD. */
export function exponentOf(currency: string): number {
  return exponents[currency] ?? 2;
}

/**
 * A decimal in major units ("1234.50", 12.5) as minor units, without floating point. In a text all written decimals count,
 * zeros too: `1.000` in a currency with two decimals is ambiguous (a thousand where a dot separates thousands), so it is
 * refused. A JSON number has no trailing zeros, so it is not ambiguous.
 * @throws DroverError BAD_AMOUNT when it is not a number or has more decimals than the currency.
 */
export function toMinor(major: string | number, currency: string): bigint {
  if (typeof major === 'string' && writtenDecimals(major) > exponentOf(currency))
    throw tooManyDecimals(major, currency);
  return numericToMinor(major, currency);
}

/**
 * The same for values of a `numeric` column: PostgreSQL writes them with their scale (`12.5000`), so trailing zeros are ignored.
 * @throws DroverError BAD_AMOUNT as `toMinor`.
 */
export function numericToMinor(major: string | number, currency: string): bigint {
  const scaled = decimal(major).times(new Big(10).pow(exponentOf(currency)));
  if (!scaled.eq(scaled.round(0))) throw tooManyDecimals(major, currency);
  return BigInt(scaled.toFixed(0));
}

/**
 * An amount as written in files, as a plain decimal: `1,234.50` is 1234.50. Undefined where it is ambiguous: more decimals than the currency has (two where the currency is not known), or one comma before three digits in a
 * currency with three decimals, where `1,234` may mean 1.234.
 */
export function parseAmountText(text: string, currency: string | null): string | undefined {
  const decimals = currency === null ? 2 : exponentOf(currency);
  // No one groups a number that begins with zero: `0,500` may be half.
  const isGrouped = /^-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(text);
  if (isGrouped && decimals === 3 && /^-?\d{1,3},\d{3}$/.test(text)) return undefined;
  const bare = isGrouped ? text.replaceAll(',', '') : text;
  return /^-?\d+(\.\d+)?$/.test(bare) && writtenDecimals(bare) <= decimals ? new Big(bare).toFixed() : undefined;
}

/** The number of decimals as they are written: `1.000` has three, `.500` too, and `1.5e3` none, because it is a whole number. */
export function writtenDecimals(text: string): number {
  const [, decimals = '', exponent = '0'] = /^\s*[+-]?\d*\.(\d+)(?:e([+-]?\d{1,9}))?\s*$/i.exec(text) ?? [];
  return Math.max(0, decimals.length - Number(exponent));
}

function tooManyDecimals(major: string | number, currency: string): DroverError {
  return new DroverError('BAD_AMOUNT', `${String(major)} has more decimals than ${currency} has`);
}

/** Minor units as a decimal string in major units: 123450n USD is "1234.50". */
export function toMajor(minor: bigint, currency: string): string {
  const exponent = exponentOf(currency);
  return new Big(minor.toString()).div(new Big(10).pow(exponent)).toFixed(exponent);
}

function decimal(text: string | number): Big {
  try {
    return new Big(typeof text === 'string' ? text.trim() : text);
  } catch (cause) {
    throw new DroverError('BAD_AMOUNT', `${JSON.stringify(text)} is not an amount`, { cause });
  }
}
