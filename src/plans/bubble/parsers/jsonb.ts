import type { Json } from '../../../plan/json.ts';
import type { Parser } from './parsed.ts';
import { pythonToJson } from './python-literal.ts';
import { storableJson } from './storable-json.ts';
import { textOf, toStorable } from './text.ts';

// Encoded once by the application, again by whoever exported it, and once more by a CSV cell.
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
