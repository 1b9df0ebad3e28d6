import { readDecimal } from './decimal.ts';
import { type Parser, Problem } from './parsed.ts';
import { maskedShapeOf } from './text.ts';

const maxInt4 = 2_147_483_647;

/** A whole number that fits PostgreSQL's integer, or a problem. `60.0` is whole, `60.5` is not. */
export function readInteger(value: unknown): number | Problem {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= maxInt4) return value + 0; // no -0
  const read = readDecimal(value, 0);
  if (read === undefined || read.unit !== undefined) {
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
