import type { Json } from '../../../plan/json.ts';
import { type Parser, Problem } from './parser.ts';
import { pythonToJson } from './python.ts';
import { itemsOf, textOf, toStorable } from './text.ts';

// Encoded once by the application, again by the export, and once more by a CSV cell.
const maxEncodings = 4;

/**
 * Any JSON for a jsonb column. JSON in text is decoded, as often as it was encoded. Text that is no JSON is kept as
 * `{"raw": text}` and noted: the answers of a quiz are not worth losing a profile over, and nothing of them is lost.
 */
export const jsonb: Parser = (value, context) => {
  const decoded = decode(value);
  if (decoded === null) return undefined;
  const storable = decoded === undefined ? undefined : storableJson(decoded);
  if (storable !== undefined && typeof storable !== 'string') return storable;
  context.note('is not JSON and was kept as text under "raw"');
  return { raw: toStorable(typeof storable === 'string' ? storable : (textOf(value) ?? '')) };
};

/** The value behind its encodings; text when there is no JSON in it; undefined when decoding would change it. */
function decode(value: unknown): Json | undefined {
  let current: unknown = value;
  for (let i = 0; i < maxEncodings && typeof current === 'string'; i++) {
    const next = parseJsonText(current);
    if (next === undefined) return current;
    current = next;
  }
  return current as Json;
}

function parseJsonText(text: string): unknown {
  if (hasLongNumber(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return /^\s*[[{]/.test(text) ? parsePython(text) : undefined;
  }
}

function parsePython(text: string): unknown {
  const json = pythonToJson(text);
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

// JavaScript would read 12345678901234567890 as 12345678901234567000; text with such a number is kept as it is.
function hasLongNumber(text: string): boolean {
  if (!/\d{16}|\d\.\d{15}|\d[eE]/.test(text)) return false;
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const numbers = bare.match(/-?\d[\d.]*(?:[eE][-+]?\d+)?/g) ?? [];
  return numbers.some((number) => /\d{16}|\.\d{15}|[eE]/.test(number) && String(Number(number)) !== number);
}

const maxDepth = 100;

/** The value as PostgreSQL's jsonb takes it; undefined when it is no JSON (endless, nested too deep, not a number). */
function storableJson(value: unknown, depth = 0): Json | undefined {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return toStorable(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined; // + 0 makes 0 of -0
  if (typeof value !== 'object' || depth > maxDepth) return undefined;
  return Array.isArray(value) ? storableList(value, depth) : storableObject(value, depth);
}

function storableList(list: readonly unknown[], depth: number): Json | undefined {
  const items: Json[] = [];
  for (const item of list) {
    const storable = storableJson(item, depth + 1);
    if (storable === undefined) return undefined;
    items.push(storable);
  }
  return items;
}

function storableObject(object: object, depth: number): Json | undefined {
  const entries: [string, Json][] = [];
  for (const [key, item] of Object.entries(object)) {
    const storable = storableJson(item, depth + 1);
    if (storable === undefined) return undefined;
    entries.push([toStorable(key), storable]);
  }
  return Object.fromEntries(entries);
}

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
