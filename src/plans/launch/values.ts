import Big from 'big.js';
import { DateTime } from 'luxon';
import { z } from 'zod';
import { parseAmountText } from '../../money.ts';
import type { Column, RawMoney } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';

/** A text that says something, or null. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return null;
  const text = storableText(value).trim();
  return text === '' ? null : text;
}

/** The moment as ISO 8601 in UTC, or null: of the APIs, and of the files, whose offset may stand in a cell of its own. */
export function instantOf(value: unknown, offset?: unknown): string | null {
  const text = textOf(value);
  if (text === null || text.length > 64) return null;
  const inText =
    /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:\s*\(?(?:UTC)?([+-]\d{1,2}(?::?\d\d)?|Z)\)?)?$/i.exec(
      text,
    );
  if (inText === null) return null;
  const zone = zoneOf(inText[3] ?? textOf(offset) ?? 'Z');
  // Not Date.parse: it takes the 30th of February for the 2nd of March.
  const at = zone === undefined ? undefined : DateTime.fromISO(`${inText[1]}T${inText[2]}${zone}`, { zone: 'utc' });
  return at?.isValid && at.year >= 1970 && at.year <= 2199 ? new Date(at.toMillis()).toISOString() : null;
}

function zoneOf(text: string): string | undefined {
  if (/^z$/i.test(text)) return 'Z';
  const parts = /^(?:UTC)?([+-])(\d{1,2}):?(\d\d)?$/i.exec(text.trim());
  return parts === null ? undefined : `${parts[1]}${parts[2]?.padStart(2, '0')}:${parts[3] ?? '00'}`;
}

/** Whether the source gave a value at all, readable or not. A text of blanks is none. */
export function isPresent(value: unknown): boolean {
  return typeof value === 'string' ? textOf(value) !== null : value !== null && value !== undefined;
}

/** Whether there is a value and no moment can be read from it: that is not the same as no value. */
export function isUnreadableInstant(value: unknown, offset?: unknown): boolean {
  const isOffsetUnreadable = isPresent(offset) && textOf(offset) === null;
  return isPresent(value) && (isOffsetUnreadable || instantOf(value, offset) === null);
}

/** Yes or no, in the words of APIs and spreadsheets; no where nothing is given; undefined where it cannot be read. */
export function flagOf(value: unknown): boolean | undefined {
  if (!isPresent(value)) return false;
  const text = textOf(value)?.toLowerCase() ?? '';
  if (['true', 'yes', '1'].includes(text)) return true;
  return ['false', 'no', '0'].includes(text) ? false : undefined;
}

/** Notes of the fields that hold a value and no text, such as an object: they are kept in `api_response` alone. */
export function unreadableTextNotes(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(fields).flatMap(([field, value]) =>
    isPresent(value) && textOf(value) === null ? [`BAD_TEXT: ${field} cannot be read`] : [],
  );
}

/**
 * An amount in major units as an exact decimal that fits numeric(19,4), or null. A text is read in its currency (null: not
 * known), because its decimals tell whether a dot parts thousands; see `parseAmountText`.
 */
export function amountOf(value: unknown, currency: string | null): string | null {
  const text = typeof value === 'number' ? numberText(value) : withoutPesoSign(textOf(value) ?? '', currency);
  if (text === undefined) return null;
  return typeof value === 'number' ? storedAmountOf(text) : storedAmountOf(parseAmountText(text, currency));
}

// Pesos beside another currency are a contradiction, and which of the two is right is not known.
function withoutPesoSign(text: string, currency: string | null): string {
  return currency === null || currency === 'PHP' ? text.replace(/^(PHP|₱)\s*/i, '') : text;
}

/** An amount as `amountOf` wrote it, out of a numeric column. */
export function storedAmountOf(value: unknown): string | null {
  const text = textOf(value);
  if (text === null || !/^-?\d+(\.\d+)?$/.test(text)) return null;
  const amount = new Big(text);
  return amount.abs().gte('1e15') || !amount.eq(amount.round(4)) ? null : amount.toFixed();
}

// Not String(): it writes 1e21 for a number of twenty-two digits.
function numberText(value: number): string | undefined {
  return Number.isFinite(value) ? new Big(value).toFixed() : undefined;
}

/** The raw amount and currency of the first of these records that has an amount, for validation's second reading. */
export function rawMoneyOf(...records: readonly JsonObject[]): RawMoney {
  const has = (value: Json | undefined) => value !== null && value !== undefined && value !== '';
  const record = records.find((one) => has(one.amount ?? one.Amount)) ?? {};
  const code = /^\s*([a-z]{3})\s*$/i.exec(String(record.currency ?? record.Currency))?.[1];
  return { amount: record.amount ?? record.Amount, currency: code?.toUpperCase() };
}

export function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** The texts of a list, each once, without blanks around them. */
export function textsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value.map(textOf).filter((text) => text !== null) : [];
  return [...new Set(list)];
}

// PostgreSQL takes neither U+0000 nor half of a surrogate pair.
function storableText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** A copy of any JSON that PostgreSQL can store; what the source said is kept as it was otherwise. */
export function storableJson(value: Json): Json {
  if (typeof value === 'string') return storableText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : null;
  if (Array.isArray(value)) return value.map(storableJson);
  if (value === null || typeof value !== 'object') return value ?? null;
  const entries = Object.entries(value as JsonObject).filter(([, held]) => held !== undefined);
  return Object.fromEntries(entries.map(([key, held]) => [storableText(key), storableJson(held)]));
}

/** Any object: what is in it is looked at field by field. */
export const recordSchema = z.custom<JsonObject>(
  (raw) => typeof raw === 'object' && raw !== null && !Array.isArray(raw),
  {
    error: 'is not an object with fields',
  },
);

// The day a row that was there before was made is not ours to change.
export const createdAtColumn = {
  type: 'timestamptz',
  nullable: true,
  default: 'now()',
  optional: true,
  insertOnly: true,
} as const satisfies Column;
export const updatedAtColumn = {
  type: 'timestamptz',
  nullable: true,
  default: 'now()',
  optional: true,
  writeTimestamp: true,
} as const satisfies Column;
export const syncedAtColumn = {
  type: 'timestamptz',
  nullable: true,
  default: 'now()',
  optional: true,
  writeTimestamp: true,
} as const satisfies Column;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The value as an id of the target, or null. */
export function uuidOf(value: unknown): string | null {
  return typeof value === 'string' && uuid.test(value) ? value.toLowerCase() : null;
}
