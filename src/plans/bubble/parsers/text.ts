import { emailKey } from '../../../email.ts';
import { type Parser, Problem } from './parser.ts';

/**
 * Any value as the text a CSV cell holds of it, so that a record reads the same from the API and from an exported file.
 * Undefined when it has none (it refers to itself, or is nested thousands deep).
 */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return typeof value === 'symbol' ? undefined : String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** A copy of the text, less what PostgreSQL cannot hold. */
export const text: Parser = (value, context) => {
  const found = textOf(value);
  if (found === undefined) return new Problem('BAD_TEXT', 'cannot be written as text');
  const storable = toStorable(found);
  if (storable !== found)
    context.note('characters PostgreSQL cannot hold (zero, half of a pair) were taken out of a text');
  return storable;
};

// PostgreSQL takes neither U+0000 nor half of a surrogate pair, in text or in jsonb.
const unstorable = /[\0\ud800-\udfff]/;
const unstorableCharacters = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text without characters that PostgreSQL refuses. */
export function toStorable(found: string): string {
  return unstorable.test(found) ? found.replace(unstorableCharacters, '') : found;
}

/** The kind of a value, for messages: letters as `a`, digits as `9`, so that nothing personal shows. */
export function maskedShapeOf(value: unknown): string {
  const text = textOf(value) ?? '';
  const shape = text
    .slice(0, 40)
    .replace(/\p{L}\p{M}*/gu, 'a')
    .replace(/\p{N}/gu, '9')
    .replace(/\p{C}/gu, '?');
  return JSON.stringify(text.length > 40 ? `${shape}…` : shape);
}

const nothingVisible = /^[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff\0]*$/;

/** The address in the one spelling by which people are known; see `emailKey`. */
export const email: Parser = (value) => {
  const found = toStorable(textOf(value) ?? '');
  if (nothingVisible.test(found)) return undefined;
  return emailKey(found) ?? new Problem('BAD_EMAIL', 'cannot be read as an e-mail address');
};

/** A link. Bubble gives its files without a scheme (`//cdn…`), which means nothing outside a web page. */
export const url: Parser = (value) => {
  const found = textOf(value);
  if (found === undefined) return new Problem('BAD_TEXT', 'cannot be written as text');
  const trimmed = toStorable(found).trim();
  return trimmed.startsWith('//') ? `https:${trimmed}` : trimmed;
};

/** A password to the letter: blanks around it are part of it. */
export const secret: Parser = (value) => textOf(value);

/** The source id of another record. A list of one is its item; of several none is the one. */
export const reference: Parser = (value) => {
  const items = itemsOf(value);
  if (items.length > 1) return new Problem('MISSING_REFERENCE', `names ${items.length} records where one is wanted`);
  const id = toStorable(textOf(items[0] ?? '') ?? '').trim();
  return id === '' || id === 'NULL' ? undefined : id;
};

/** The items of a list, as a list or as its JSON; anything else is its own only item. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !value.startsWith('[')) return [value];
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? parsed : [value];
  } catch {
    return [value];
  }
}
