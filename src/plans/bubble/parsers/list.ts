import { itemsOf } from './items.ts';
import { type Parser, Problem } from './parsed.ts';
import { pythonToJson } from './python-literal.ts';
import { textOf, toStorable } from './text.ts';

const bubbleSeparator = ' , ';

/**
 * A list of texts: blanks around items and repeated items dropped, their order kept. As text it is JSON, or items
 * separated by ` , ` as Bubble exports them, or by the run's `listSeparator`. A comma with one blank separates nothing: the
 * items themselves hold such (`Korea, Republic of`), so `a, b` stays whole and is noted.
 */
export const list: Parser = (value, context) => {
  const given = parsedItems(value);
  const items = given ?? splitText(textOf(value), context.reading.listSeparator);
  const kept = new Set<string>();
  for (const item of items) {
    const text = item === null || item === undefined ? '' : textOf(item);
    if (text === undefined) return new Problem('BAD_LIST', 'holds an item that cannot be written as text');
    const trimmed = toStorable(text).trim();
    if (trimmed !== '') kept.add(trimmed);
  }
  if (kept.size < items.length) context.note('empty or repeated items were dropped');
  if (given === undefined && items.length === 1 && [...kept].some((item) => item.includes(', '))) {
    context.note('holds a comma and was kept as one item; see the parameter listSeparator');
  }
  return [...kept];
};

/** The items of a real list, or of one that is written as JSON or as Python prints it. */
function parsedItems(value: unknown): readonly unknown[] | undefined {
  const items = itemsOf(value);
  if (items.length !== 1 || items[0] !== value) return items;
  const json = typeof value === 'string' ? pythonToJson(value.trim()) : undefined;
  const python = itemsOf(json);
  return python.length === 1 && python[0] === json ? undefined : python;
}

function splitText(text = '', separator = bubbleSeparator): readonly string[] {
  if (text.includes(bubbleSeparator)) return text.split(bubbleSeparator);
  if (text.includes(separator)) return text.split(separator);
  // `a,b` without any blank is a list; `1,000` is a number.
  return text.includes(', ') ? [text] : text.split(/(?<=[^\s\d]),(?=[^\s\d])/);
}
