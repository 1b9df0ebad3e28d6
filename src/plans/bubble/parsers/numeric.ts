import Big from 'big.js';
import { readDecimal } from './decimal.ts';
import { type Parser, Problem } from './parsed.ts';
import { maskedShapeOf } from './text.ts';

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
    if (read === undefined) return new Problem('BAD_NUMBER', `is not a number for certain (${maskedShapeOf(value)})`);
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
