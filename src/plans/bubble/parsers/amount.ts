import Big from 'big.js';
import { exponentOf, toMajor } from '../../../money.ts';
import { readDecimal } from './decimal.ts';
import { type ParseContext, type Parser, Problem } from './parsed.ts';
import { maskedShapeOf } from './text.ts';

/** An amount as money, and whether floating point left crumbs on it. */
export interface ParsedAmount {
  readonly minor: bigint;
  readonly cleaned: boolean;
}

// 0.1 + 0.2 is 0.30000000000000004 and 19.99 may come as 19.989999: less than a thousandth of a cent is no money.
const roundingTolerance = new Big('0.001');
const maxMajor = new Big('1e15'); // numeric(19,4)

/** What the value is worth in minor units; negative amounts included, for sums. */
export function readAmount(value: unknown, currency: string, unit: 'major' | 'minor'): ParsedAmount | Problem {
  const exponent = exponentOf(currency);
  const read = readDecimal(value, unit === 'minor' ? 0 : exponent);
  if (read === undefined) return new Problem('BAD_NUMBER', `is not a number for certain (${maskedShapeOf(value)})`);
  if (read.unit !== undefined && !unitMatches(read.unit, currency)) {
    return new Problem('BAD_AMOUNT', `is written in ${read.unit} while its currency is ${currency}`);
  }
  const scaled = new Big(read.text).times(unit === 'minor' ? 1 : 10 ** exponent);
  if (scaled.abs().gte(maxMajor.times(10 ** exponent))) return new Problem('BAD_AMOUNT', 'is too large for the column');
  const rounded = scaled.round(0);
  const off = scaled.minus(rounded).abs();
  if (off.gte(roundingTolerance)) return new Problem('BAD_AMOUNT', `has more decimals than ${currency} knows`);
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
