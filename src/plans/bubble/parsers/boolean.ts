import { type Parser, Problem } from './parsed.ts';
import { maskedShapeOf } from './text.ts';
import { normalizedToken } from './token.ts';

const booleanWords = new Map([
  ...['true', 'yes', 'y', 't', '1', 'on'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', 'f', '0', 'off'].map((word) => [word, false] as const),
]);

/** yes or no, in any of the usual spellings. */
export const boolean: Parser = (value) => {
  if (typeof value === 'boolean') return value;
  return (
    booleanWords.get(normalizedToken(value)) ??
    new Problem('BAD_BOOLEAN', `is neither yes nor no (${maskedShapeOf(value)})`)
  );
};
