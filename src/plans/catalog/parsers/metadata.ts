import type { Json } from '../../../plan/json.ts';
import { metadataKeys } from '../../../targets/stripe/index.ts';
import { Problem } from './problem.ts';
import { lengthOf } from './text.ts';

const reservedKeys: readonly string[] = Object.values(metadataKeys);
// Stripe's fifty, less those that say whose the product is.
const maxKeys = 50 - reservedKeys.length;
const maxKeyLength = 40;
const maxValueLength = 500;

export interface Metadata {
  readonly values: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

/** Metadata as Stripe takes it, whole or not at all: what is cut off would be missed later. */
export function readMetadata(value: Json | undefined): Metadata | Problem {
  if (value === null || value === undefined) return { values: {}, notes: [] };
  if (typeof value !== 'object' || Array.isArray(value)) return badMetadata('the metadata is not an object');
  const taken = reservedKeys.filter((key) => Object.hasOwn(value, key));
  const pairs = Object.entries(value).flatMap(([key, held]): [string, string][] => {
    const text = metadataText(held);
    // Stripe keeps no empty values.
    return text === '' || reservedKeys.includes(key) ? [] : [[key, text]];
  });
  if (hasUnsafeInteger(value))
    return badMetadata('a number of the metadata has more digits than can be trusted: write it as text');
  if (pairs.length > maxKeys)
    return badMetadata(`the metadata has ${pairs.length} keys, and there is room for ${maxKeys}`);
  const problem = pairs.map(problemOf).find((found) => found !== undefined);
  if (problem !== undefined) return badMetadata(problem);
  const notes = taken.map((key) => `the key ${key} of the metadata is one of ours and is left out`);
  return { values: Object.fromEntries(pairs), notes };
}

function metadataText(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.toWellFormed().replaceAll('\u0000', '');
}

function problemOf([key, value]: readonly [string, string], index: number): string | undefined {
  const length = lengthOf(key);
  if (key === '' || length > maxKeyLength) return `key ${index + 1} of the metadata has ${length} characters`;
  if (key === '__proto__') return `key ${index + 1} of the metadata is a word of JavaScript's`;
  if (/[[\]]/.test(key)) return `key ${index + 1} of the metadata has a bracket in it`;
  if (!key.isWellFormed() || key.includes('\u0000')) return `key ${index + 1} of the metadata is no text`;
  const much = lengthOf(value);
  return much > maxValueLength ? `value ${index + 1} of the metadata has ${much} characters` : undefined;
}

/** JSON's numbers are exact up to 2^53: an article number of twenty digits has lost its last ones by the time it is here. */
function hasUnsafeInteger(value: Json): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasUnsafeInteger);
}

function badMetadata(message: string): Problem {
  return new Problem('BAD_METADATA', 'metadata', message);
}
