import { parseCurrency } from '../../../money.ts';
import { type Parser, Problem } from './parsed.ts';
import { maskedShapeOf, textOf } from './text.ts';
import { normalizedToken } from './token.ts';

const codeCache = new Map<string, string>();

/** An ISO 4217 code. Signs are not codes: `$` is the currency of twenty countries. */
export const currency: Parser = (value, { reading }) => {
  const text = textOf(value) ?? '';
  return codeCache.get(text) ?? reading.currencies.get(normalizedToken(value)) ?? parseCode(text);
};

function parseCode(text: string): string | Problem {
  const code = text.length > 16 ? undefined : parseCurrency(text);
  if (code === undefined)
    return new Problem('UNKNOWN_CURRENCY', `is not a currency code of ISO 4217 (${maskedShapeOf(text)})`);
  if (codeCache.size < 1000) codeCache.set(text, code);
  return code;
}
