import { invalid } from '../failure.ts';
import { stringParam } from './readers.ts';
import type { Reader } from './shape.ts';

/** Changes to metadata: an empty value removes its key; null removes all. */
export type MetadataChange = Readonly<Record<string, string>> | null;

export const metadata: Reader<MetadataChange> = (value, name) => {
  if (value === '') return null;
  if (typeof value === 'string') throw invalid('Invalid metadata: must be a hash', { param: name });
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [checkKey(key), checkValue(item, name, key)]));
};

const MAX_KEYS = 50;

/** The metadata after a change. */
export function mergeMetadata(before: Readonly<Record<string, string>>, change: MetadataChange | undefined) {
  if (change === undefined) return before;
  const entries = Object.entries(change === null ? {} : { ...before, ...change }).filter(([, value]) => value !== '');
  if (entries.length > MAX_KEYS) {
    throw invalid(`Metadata can have at most ${MAX_KEYS} keys, but ${entries.length} were given`, {
      param: 'metadata',
    });
  }
  return Object.fromEntries(entries);
}

function checkKey(key: string): string {
  if (key.length <= 40) return key;
  const message = `Metadata keys can have up to 40 characters, but you passed in a key that is ${key.length} characters.`;
  throw invalid(`${message} Invalid key: ${key}`, { param: 'metadata' });
}

function checkValue(item: Parameters<Reader<string>>[0], name: string, key: string): string {
  const value = stringParam(item, `${name}[${key}]`);
  const length = [...value].length;
  if (length <= 500) return value;
  const message = `Metadata values can have up to 500 characters, but you passed in a value that is ${length} characters.`;
  throw invalid(`${message} Invalid value: ${value}`, { param: `${name}[${key}]` });
}
