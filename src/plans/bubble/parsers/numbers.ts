import Big from 'big.js';
import { exponentOf, parseCurrency, toMajor, writtenDecimals } from '../../../money.ts';
import { type ParseContext, type Parser, Problem } from './parser.ts';
import { maskedShapeOf, textOf } from './text.ts';

export interface NumericOptions {
  /** As in PostgreSQL's numeric(precision, scale). */
  readonly precision: number;
  readonly scale: number;
  /** Bounds, both allowed, and the code when they are passed. */
  readonly min: number;
  readonly max?: number;
  readonly code?: string;
  /** How many decimals tell a lone comma apart; the scale when absent. */
  readonly decimals?: number;
}

/** A decimal for a numeric column, rounded half up to its scale; a rounding is noted. */
export function numeric({ precision, scale, min, max, code = 'BAD_NUMBER', decimals = scale }: NumericOptions): Parser {
  const limit = 10 ** (precision - scale);
  return (value, context) => {
    const read = readDecimal(value, decimals);
    if (read === undefined || mayBeThousands(read, decimals)) {
      return new Problem('BAD_NUMBER', `is not a number for certain (${maskedShapeOf(value)})`);
    }
    const number = Number(read.text);
    if (number < min || (max !== undefined && number > max)) {
      return new Problem(code, max === undefined ? `is less than ${min}` : `is not between ${min} and ${max}`);
    }
    const rounded = new Big(read.text).round(scale, Big.roundHalfUp);
    if (rounded.abs().gte(limit)) return new Problem('BAD_NUMBER', `is too large for the column (limit ${limit})`);
    if (!rounded.eq(read.text)) context.note(`rounded to ${scale} decimals`);
    return rounded.toFixed(scale);
  };
}

const maxInt4 = 2_147_483_647;

/** A whole number that fits PostgreSQL's integer, or a problem. `60.0` is whole, `60.5` is not. */
function readInteger(value: unknown): number | Problem {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= maxInt4) return value + 0; // no -0
  const read = readDecimal(value, 0);
  if (read === undefined || read.unit !== undefined || mayBeThousands(read, 0)) {
    return new Problem('BAD_NUMBER', `is not a whole number (${maskedShapeOf(value)})`);
  }
  const number = Number(read.text);
  if (!Number.isInteger(number)) return new Problem('BAD_NUMBER', 'is not a whole number (it has decimals)');
  return Math.abs(number) <= maxInt4 ? number : new Problem('BAD_NUMBER', `is too large (limit ${maxInt4})`);
}

/** A count: a whole number, zero or more. */
export const count: Parser = (value) => {
  const number = readInteger(value);
  return typeof number === 'number' && number < 0 ? new Problem('BAD_NUMBER', 'is negative') : number;
};

const withUnit = /^\s*(\S+)\s*(?:m|min|mins|minutes?)\.?\s*$/i;

/** Minutes, more than none. `60 min` is 60. */
export const duration: Parser = (value) => {
  const bare = typeof value === 'string' ? (withUnit.exec(value)?.[1] ?? value) : value;
  const minutes = readInteger(bare);
  if (typeof minutes !== 'number' || minutes > 0) return minutes;
  return new Problem('BAD_DURATION', minutes === 0 ? 'is zero' : `is negative (${minutes})`);
};

/** An amount as money, and whether floating point left crumbs on it. */
export interface ParsedAmount {
  readonly minor: bigint;
  readonly cleaned: boolean;
}

// 0.1 + 0.2 is 0.30000000000000004 and 19.99 may come as 19.989999: less than a thousandth of a cent is no money.
const roundingTolerance = new Big('0.001');
const maxMajor = new Big('1e15'); // numeric(19,4)

/**
 * What the value is worth in minor units; negative amounts included, for sums. The written decimals count, zeros too: `1.000`
 * in a currency with two is a thousand where a dot parts thousands. What JavaScript writes for a number (`19.989999`, of the
 * API or of an exported file) has no zero at its end, and is that number.
 */
export function readAmount(value: unknown, currency: string, unit: 'major' | 'minor'): ParsedAmount | Problem {
  const exponent = exponentOf(currency);
  const decimals = unit === 'minor' ? 0 : exponent;
  const read = readDecimal(value, decimals);
  if (read === undefined) return new Problem('BAD_NUMBER', `is not a number for certain (${maskedShapeOf(value)})`);
  if (read.unit !== undefined && !unitMatches(read.unit, currency)) {
    return new Problem('BAD_AMOUNT', `is written in ${read.unit} while its currency is ${currency}`);
  }
  const scaled = new Big(read.text).times(unit === 'minor' ? 1 : 10 ** exponent);
  if (scaled.abs().gte(maxMajor.times(10 ** exponent))) return new Problem('BAD_AMOUNT', 'is too large for the column');
  const rounded = scaled.round(0);
  const off = scaled.minus(rounded).abs();
  if ((read.isPadded && read.decimals > decimals) || off.gte(roundingTolerance)) {
    const what = unit === 'minor' ? `minor units of ${currency}` : currency;
    return new Problem('BAD_AMOUNT', `has more decimals than ${what} knows, or a dot that parts thousands`);
  }
  return { minor: BigInt(rounded.toFixed(0)), cleaned: !off.eq(0) };
}

/** An amount in major units, more than nothing. Reads the currency from the row, where it stands before the amount. */
export const amount: Parser = (value, context) => {
  const currency = currencyOf(context);
  if (currency === undefined) return undefined;
  const read = readAmount(value, currency, context.reading.amountUnit);
  if (read instanceof Problem) return read;
  if (read.minor === 0n) return new Problem('BAD_AMOUNT', 'is zero');
  if (read.minor < 0n) return new Problem('BAD_AMOUNT', 'is negative: a refund is not a payment of its own here');
  if (read.cleaned) context.note('crumbs of floating point were rounded off');
  return toMajor(read.minor, currency);
};

function currencyOf({ row }: ParseContext): string | undefined {
  return typeof row.currency === 'string' ? row.currency : undefined;
}

/** Whether a sign or code beside an amount can stand for the currency. */
function unitMatches(unit: string, currency: string): boolean {
  if (/^[A-Z]{3}$/i.test(unit)) return unit.toUpperCase() === currency;
  const sign = unit.slice(-1);
  return sign === signOf(currency) || (unit.length > 1 && sign === '$' && signOf(currency).endsWith('$'));
}

const signCache = new Map<string, string>();

function signOf(currency: string): string {
  const known = signCache.get(currency);
  if (known !== undefined) return known;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  const sign = format.formatToParts(0).find(({ type }) => type === 'currency')?.value ?? currency;
  signCache.set(currency, sign);
  return sign;
}

/** A number as it was written: canonical decimal text, and the currency sign or code that stood beside it. */
interface Decimal {
  readonly text: string;
  readonly unit?: string;
  /** How many decimals were written. */
  readonly decimals: number;
  /** The decimals end in a zero, which no program writes behind a number of JSON. */
  readonly isPadded: boolean;
}

const simple = /^(?:0|-?[1-9]\d{0,14})(?:\.\d{1,12})?$/;
const scientific = /^[-+]?\d{1,30}(?:\.\d{1,30})?e[-+]?\d{1,2}$/i;
const spaces = /[\s\u00a0\u2007\u202f\u200b-\u200d\u2060\ufeff]+/g;
// sign, code or sign of a currency, sign, digits, currency again, per hour
const decorated =
  /^([-+\u2212]?) ?([A-Z]{3}|[A-Z]{0,2}\p{Sc})? ?([-+\u2212]?)([\d.,'\u2019 ]*\d[\d.,'\u2019 ]*?) ?([A-Z]{3}|\p{Sc})? ?(?:(?:\/|per|an?) ?(?:hr|hrs|hour|h)\.?)?$/iu;

/**
 * Reads a decimal number out of a value: `120.5`, `"$120/hr"`, `"120,00"`, `"1,234.50"`. `decimals` is how many the field
 * can have, which tells what the comma of `1,234` means. Undefined when it is no number, or not one for certain.
 */
function readDecimal(value: unknown, decimals: number): Decimal | undefined {
  const found = textOf(value);
  if (found === undefined || found.length > 64) return undefined;
  if (simple.test(found)) return canonical(found);
  const text = found.replace(spaces, ' ').trim();
  // `000,123` is no number that a person or a program writes.
  if (/^\D*0\d+[.,]/.test(text)) return undefined;
  if (scientific.test(text)) return canonical(text);
  const match = decorated.exec(text);
  if (match === null) return undefined;
  const [, sign, before, inner, digits = '', after] = match;
  const plain = normalizeSeparators(digits, decimals);
  if (plain === undefined || (sign && inner) || (before && after)) return undefined;
  const unit = before ?? after;
  if (unit !== undefined && !isCurrency(unit)) return undefined;
  const minus = (sign || inner) && (sign || inner) !== '+' ? '-' : '';
  const read = canonical(minus + plain);
  return unit === undefined || read === undefined ? read : { ...read, unit };
}

function canonical(text: string): Decimal {
  const exact = new Big(text).toFixed();
  const decimals = writtenDecimals(text);
  return { text: exact === '-0' ? '0' : exact, decimals, isPadded: decimals > 0 && /0(?:e|$)/i.test(text) };
}

/**
 * Whether the dot of `1.000` may part thousands, as the comma of `1,000` does: in a field with fewer decimals than three.
 * `499.999` is not meant, which a number of JSON may be.
 */
function mayBeThousands({ text, decimals: written, isPadded }: Decimal, decimals: number): boolean {
  return decimals < 3 && written === 3 && isPadded && /^-?[1-9]\d{0,2}(?:\.|$)/.test(text);
}

function isCurrency(unit: string): boolean {
  return /\p{Sc}$/u.test(unit) || parseCurrency(unit) !== undefined;
}

// No number in groups begins with a zero: `0,500` may be half, and `0 500` is a mistake.
const spaced = /^[1-9]\d{0,2}(?:[ '\u2019]\d{3})+(?:[.,]\d+)?$/;
const dotGrouped = /^[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$/;
const commaGrouped = /^[1-9]\d{0,2}(?:,\d{2,3})*,\d{3}(?:\.\d+)?$/;

/**
 * Digits with separators of any country as digits with a point: `1.234,50`, `1,234.50`, `1 234,50` and `1'234.50` are
 * `1234.50`. A lone dot is a decimal point, as in JSON. A lone comma before three digits (`1,234`) groups thousands when the
 * field has fewer decimals than three; otherwise it may be either, and the answer is undefined, as for no number.
 */
function normalizeSeparators(digits: string, decimals: number): string | undefined {
  if (/^\d+$/.test(digits)) return digits;
  if (/^\d*\.\d+$/.test(digits)) return digits.startsWith('.') ? `0${digits}` : digits;
  if (/^\d+,\d+$/.test(digits)) return loneComma(digits, decimals);
  if (spaced.test(digits)) return digits.replace(/[ '\u2019]/g, '').replace(',', '.');
  if (commaGrouped.test(digits)) return digits.replaceAll(',', '');
  if (dotGrouped.test(digits)) return digits.replaceAll('.', '').replace(',', '.');
  return undefined;
}

function loneComma(digits: string, decimals: number): string | undefined {
  if (!/^[1-9]\d{0,2},\d{3}$/.test(digits)) return digits.replace(',', '.');
  return decimals < 3 ? digits.replace(',', '') : undefined;
}
