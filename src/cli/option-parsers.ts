import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { StartCutover } from '../contract/cutover.ts';
import { parseInstant } from './format.ts';
import { usageError } from './problem.ts';

/** Parsers of option values. They throw usage errors that name the expected format. */

export function wholeNumberParser(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`);
  };
}

/** Records per job, or `auto`. */
export function parseBatchSize(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumberParser(1, 500)(text);
}

/** Text that is not only blanks. */
export function parseNonBlank(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must say something.');
  return text.trim();
}

export function parseInstantOption(text: string): string {
  const at = parseInstant(text);
  if (at !== undefined) return at;
  throw new InvalidArgumentError('A date (2024-01-31) or an instant with its zone (2024-01-31T09:00:00Z) is wanted.');
}

/** `a,b`. */
export function parseList(text: string): readonly string[] {
  const items = unique(text.split(','));
  if (items.length === 0) throw new InvalidArgumentError('At least one name is wanted.');
  return items;
}

/** `a,b`, or `@file` with one id a line (an id may then hold a comma) or a JSON array. */
export function parseIds(text: string, folder: string): readonly string[] {
  const found = text.startsWith('@') ? readIdsFile(resolve(folder, text.slice(1))) : unique(text.split(','));
  if (found.length === 0) throw usageError(`${text} names no id`, 'Give ids as a,b or as @file with one id a line.');
  return found;
}

/** `key=value`, repeatable; a value that is valid JSON is parsed. */
export function parseParameter(
  text: string,
  previous: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('key=value is wanted.');
  // Entries and not an assignment: the key may be `__proto__`.
  return Object.fromEntries([...Object.entries(previous), [text.slice(0, at), parseJsonOrText(text.slice(at + 1))]]);
}

/** `table` or `table=schema.name`, repeatable. */
export function parseLiveTable(
  text: string,
  previous: NonNullable<StartCutover['tables']> = [],
): NonNullable<StartCutover['tables']> {
  const [, table, schema, name] = /^([^=]+)(?:=([^.]+)\.(.+))?$/.exec(text) ?? [];
  if (table === undefined) throw new InvalidArgumentError('table or table=schema.name is wanted.');
  return [...previous, schema === undefined || name === undefined ? { table } : { table, live: { schema, name } }];
}

/** `table=rows`, repeatable. */
export function parseTableMinimum(
  text: string,
  previous: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const [, table, rows] = /^([^=]+)=(\d{1,15})$/.exec(text) ?? [];
  if (table === undefined) throw new InvalidArgumentError('table=rows is wanted.');
  return Object.fromEntries([...Object.entries(previous), [table, Number(rows)]]);
}

/** The JSON in a file. `label` names the file in errors. */
export function readJsonFile(path: string, label: string): unknown {
  const text = readTextFile(path, label);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError(`${label} ${path} is not JSON: ${(cause as Error).message}`, 'Correct the file.');
  }
}

/** A JSON object in a file. */
export function readJsonObjectFile(path: string, label: string): Record<string, unknown> {
  const value = readJsonFile(path, label);
  if (isObject(value)) return value;
  throw usageError(`${label} ${path} does not hold a JSON object`, 'It must look like {"name": "value"}.');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readIdsFile(path: string): readonly string[] {
  const text = readTextFile(path, 'the file of ids');
  if (!text.trimStart().startsWith('[')) return unique(text.split(/\r?\n/));
  const value = readJsonFile(path, 'the file of ids');
  if (Array.isArray(value) && value.every((id) => typeof id === 'string' || typeof id === 'number')) {
    return unique(value.map(String));
  }
  throw usageError(`the file of ids ${path} holds something else than ids`, 'Write ["a", "b"] or one id a line.');
}

function readTextFile(path: string, label: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch (cause) {
    throw usageError(
      `${label} ${path} cannot be read: ${(cause as Error).message}`,
      'Check the path and its permissions.',
    );
  }
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))];
}

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
