import Big from 'big.js';
import { parseCurrency } from '../../../money.ts';
import { normalizeSeparators } from './plain-digits.ts';
import { textOf } from './text.ts';

/** A number as it was written: canonical decimal text, and the currency sign or code that stood beside it. */
export interface Decimal {
  readonly text: string;
  readonly unit?: string;
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
export function readDecimal(value: unknown, decimals: number): Decimal | undefined {
  const found = textOf(value);
  if (found === undefined || found.length > 64) return undefined;
  if (simple.test(found)) return { text: found };
  const text = found.replace(spaces, ' ').trim();
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
  return { text: exact === '-0' ? '0' : exact };
}

function isCurrency(unit: string): boolean {
  return /\p{Sc}$/u.test(unit) || parseCurrency(unit) !== undefined;
}
