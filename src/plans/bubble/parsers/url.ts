import { type Parser, Problem } from './parsed.ts';
import { textOf, toStorable } from './text.ts';

/** A link. Bubble gives its files without a scheme (`//cdn…`), which means nothing outside a web page. */
export const url: Parser = (value) => {
  const found = textOf(value);
  if (found === undefined) return new Problem('BAD_TEXT', 'cannot be written as text');
  const trimmed = toStorable(found).trim();
  return trimmed.startsWith('//') ? `https:${trimmed}` : trimmed;
};
