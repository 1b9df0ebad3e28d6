import Big from 'big.js';
import { z } from 'zod';
import { compareText } from '../core/compare-text.ts';
import { PgError } from './pg-error.ts';

const COLUMN_TYPES = [
  'bigint',
  'integer',
  'numeric',
  'text',
  'boolean',
  'timestamp with time zone',
  'jsonb',
  'text[]',
] as const;

export type ColumnType = (typeof COLUMN_TYPES)[number];

export const tableSchema = z.strictObject({
  columns: z.record(z.string(), z.enum(COLUMN_TYPES)),
  /** The primary key. */
  key: z.string().default('id'),
  /** Columns that may not be null, besides the key. */
  required: z.array(z.string()).default([]),
  /** Columns with a unique constraint, besides the key. */
  unique: z.array(z.string()).default([]),
  rows: z.array(z.record(z.string(), z.json())).default([]),
});

export interface TableSchema {
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: string;
  readonly required: readonly string[];
  readonly unique: readonly string[];
}

/** The table of the product catalogue, as a shop on Supabase would have it. */
export function productsSchema(price: 'numeric' | 'text'): TableSchema {
  return {
    columns: {
      id: 'bigint',
      name: 'text',
      description: 'text',
      price,
      currency: 'text',
      image_url: 'text',
      images: 'text[]',
      active: 'boolean',
      sku: 'text',
      slug: 'text',
      handle: 'text',
      metadata: 'jsonb',
      stripe_product_id: 'text',
      stripe_price_id: 'text',
      sync_status: 'text',
      deleted_at: 'timestamp with time zone',
      created_at: 'timestamp with time zone',
      updated_at: 'timestamp with time zone',
    },
    key: 'id',
    required: [],
    unique: [],
  };
}

// Cells: conversion and comparison.

/**
 * A value as the database holds it: `bigint` and `integer` as bigint, `numeric` as a decimal in text, times as
 * microseconds since the epoch, `jsonb` and arrays as they are.
 */
export type Cell = bigint | string | number | boolean | null | readonly unknown[] | { readonly [key: string]: unknown };

export type Row = Readonly<Record<string, Cell>>;

/** Text or JSON as a cell. Throws PgError 22P02 when the type cannot hold it. */
export function toCell(value: unknown, type: ColumnType): Cell {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'bigint':
    case 'integer':
      return /^\s*-?\d+\s*$/.test(String(value)) ? BigInt(String(value).trim()) : throwInvalidInput(value, type);
    case 'numeric':
      return numeric(value);
    case 'boolean':
      return flag(value);
    case 'timestamp with time zone':
      return parseMicroseconds(String(value)) ?? throwInvalidInput(value, type, '22007');
    case 'jsonb':
      return value as Cell;
    case 'text[]':
      return Array.isArray(value) ? value.map(String) : arrayOf(String(value));
    case 'text':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

/** The order of two values of a column, neither of them null. Text is ordered by code unit. */
export function compareCells(a: Cell, b: Cell, type: ColumnType): number {
  if (a === b) return 0;
  if (type === 'numeric') return new Big(String(a)).cmp(new Big(String(b)));
  if (typeof a === 'object' || typeof b === 'object') return compareText(JSON.stringify(a), JSON.stringify(b));
  return (a as string) < (b as string) ? -1 : 1;
}

export function sameCell(a: Cell, b: Cell, type: ColumnType): boolean {
  return a !== null && b !== null && compareCells(a, b, type) === 0;
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/** Microseconds since the epoch; undefined for text that is no time. A time without a zone is UTC, the database's time zone. */
function parseMicroseconds(text: string): number | undefined {
  const match = TIME.exec(text.trim());
  if (match === null) return undefined;
  const [, date, time = '00:00', fraction = '', zone = 'Z'] = match;
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const at = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}${offset}`);
  return Number.isNaN(at) ? undefined : at * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** Trailing zeroes are kept, as the type keeps them: 19.90 is not 19.9. */
function numeric(value: unknown): string {
  const text = String(value).trim();
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return throwInvalidInput(value, 'numeric');
  return /e/i.test(text) ? new Big(text).toFixed() : text;
}

function flag(value: unknown): boolean {
  const text = String(value).toLowerCase();
  if (['true', 't', 'yes', 'on', '1'].includes(text)) return true;
  return ['false', 'f', 'no', 'off', '0'].includes(text) ? false : throwInvalidInput(value, 'boolean');
}

function arrayOf(text: string): string[] {
  if (!/^\{.*\}$/s.test(text)) throw new PgError('22P02', `malformed array literal: "${text}"`);
  const items = text.slice(1, -1).match(/"(?:\\.|[^"\\])*"|[^,]+/g) ?? [];
  return items.map((item) => (item.startsWith('"') ? item.slice(1, -1).replace(/\\(.)/g, '$1') : item));
}

function throwInvalidInput(value: unknown, type: string, code = '22P02'): never {
  throw new PgError(code, `invalid input syntax for type ${type}: "${String(value)}"`);
}

// Cells: output.

/** A cell as PostgREST prints it: JSON text. Numbers have all their digits, more than a JSON parser may keep. */
export function printCell(cell: Cell, type: ColumnType): string {
  if (cell === null) return 'null';
  if (typeof cell === 'bigint' || type === 'numeric') return String(cell);
  if (type === 'timestamp with time zone') return JSON.stringify(printTime(cell as number, 'T', '+00:00'));
  return JSON.stringify(cell);
}

/** A cell after `::text`. */
export function printAsText(cell: Cell, type: ColumnType): string {
  if (cell === null) return 'null';
  return JSON.stringify(asText(cell, type));
}

/** A value cast to text, as PostgreSQL does it. */
export function asText(cell: Exclude<Cell, null>, type: ColumnType): string {
  if (type === 'timestamp with time zone') return printTime(cell as number, ' ', '+00');
  if (type === 'text[]') return `{${(cell as readonly string[]).map(quoted).join(',')}}`;
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}

function quoted(item: string): string {
  return /^[^\s{},"\\]+$/.test(item) && item.toUpperCase() !== 'NULL' ? item : `"${item.replace(/(["\\])/g, '\\$1')}"`;
}

/** Date and time with up to six digits of a second, without trailing zeroes, and an offset. */
function printTime(micros: number, separator: string, zone: string): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros - seconds * 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const [date, time] = new Date(seconds * 1000).toISOString().slice(0, 19).split('T');
  return `${date}${separator}${time}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}
