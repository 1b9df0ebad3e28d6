import { type Parser, Problem } from './parsed.ts';
import { textOf, toStorable } from './text.ts';

const invisible = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\0]/g;
const address = /^[^\s@<>,;:"()[\]\\]{1,64}@[^\s@<>,;:"()[\]\\.]+(?:\.[^\s@<>,;:"()[\]\\.]+)+$/;

/**
 * The address in the one spelling by which people are known: lower case, without padding or invisible characters.
 * Tags (`+coach`) and dots stay: to most providers they are other mailboxes.
 */
export const email: Parser = (value) => {
  const found = toStorable(textOf(value) ?? '')
    .replace(invisible, '')
    .trim()
    .toLowerCase();
  if (found === '') return undefined;
  if (found.length <= 254 && address.test(found)) return found;
  return new Problem('BAD_EMAIL', 'is not an e-mail address');
};
