import type { Parser } from './parsed.ts';
import { Problem } from './parsed.ts';

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
  const shape = text.slice(0, 40).replace(/\p{L}/gu, 'a').replace(/\p{N}/gu, '9').replace(/\p{C}/gu, '?');
  return JSON.stringify(text.length > 40 ? `${shape}…` : shape);
}
