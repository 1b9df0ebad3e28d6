import { parseCurrency } from '../../../money.ts';
import { type Parser, Problem } from './parsed.ts';
import { shapeOf, textOf } from './text.ts';
import { tokenOf } from './token.ts';

const known = new Map<string, string>();

/** An ISO 4217 code. Signs are not codes: `$` is the currency of twenty countries. */
export const currency: Parser = (value, { reading }) => {
  const text = textOf(value) ?? '';
  return known.get(text) ?? reading.currencies.get(tokenOf(value)) ?? parse(text);
};

function parse(text: string): string | Problem {
  const code = text.length > 16 ? undefined : parseCurrency(text);
  if (code === undefined)
    return new Problem('UNKNOWN_CURRENCY', `is not a currency code of ISO 4217 (${shapeOf(text)})`);
  if (known.size < 1000) known.set(text, code);
  return code;
}
