import { itemsOf } from './items.ts';
import { type Parser, Problem } from './parsed.ts';
import { textOf, toStorable } from './text.ts';

/** The source id of another record. A list of one is its item; of several none is the one. */
export const reference: Parser = (value) => {
  const items = itemsOf(value);
  if (items.length > 1) return new Problem('MISSING_REFERENCE', `names ${items.length} records where one is wanted`);
  const id = toStorable(textOf(items[0] ?? '') ?? '').trim();
  return id === '' || id === 'NULL' ? undefined : id;
};
