import type { Json } from '../../../plan/json.ts';
import { marks } from '../../../targets/stripe/index.ts';
import { Problem } from './problem.ts';

const own: readonly string[] = Object.values(marks);
// Stripe's fifty, less those that say whose the product is.
const mostKeys = 50 - own.length;
const longestKey = 40;
const longestValue = 500;

/** Metadata as Stripe takes it, whole or not at all: what is cut off would be missed later. */
export function readMetadata(value: Json | undefined): Readonly<Record<string, string>> | Problem {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return bad('the metadata is not an object');
  const pairs = Object.entries(value).flatMap(([key, held]): [string, string][] => {
    const text = textOf(held);
    // Stripe keeps no empty values.
    return text === '' || own.includes(key) ? [] : [[key, text]];
  });
  if (pairs.length > mostKeys) return bad(`the metadata has ${pairs.length} keys, and there is room for ${mostKeys}`);
  const problem = pairs.map(problemOf).find((found) => found !== undefined);
  return problem === undefined ? Object.fromEntries(pairs) : bad(problem);
}

function textOf(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.toWellFormed().replaceAll('\u0000', '');
}

function problemOf([key, value]: readonly [string, string], index: number): string | undefined {
  if (key === '' || key.length > longestKey) return `key ${index + 1} of the metadata has ${key.length} characters`;
  if (/[[\]]/.test(key)) return `key ${index + 1} of the metadata has a bracket in it`;
  if (!key.isWellFormed() || key.includes('\u0000')) return `key ${index + 1} of the metadata is no text`;
  return value.length > longestValue ? `value ${index + 1} of the metadata has ${value.length} characters` : undefined;
}

function bad(message: string): Problem {
  return new Problem('BAD_METADATA', 'metadata', message);
}
