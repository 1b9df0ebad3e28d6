import { itemsOf } from './items.ts';
import { textOf } from './text.ts';

/**
 * A word of a fixed vocabulary in one spelling: `No-show ` is `no_show`. A list of one is its word, as some
 * applications keep a single choice in a list.
 */
export function normalizedToken(value: unknown): string {
  const items = itemsOf(value);
  const text = textOf(items.length === 1 ? items[0] : value) ?? '';
  return text
    .trim()
    .toLowerCase()
    .replace(/[\s_\-\u2010-\u2015]+/g, '_');
}
