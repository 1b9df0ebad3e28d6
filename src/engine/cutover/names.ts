import { createHash } from 'node:crypto';
import type { RelationName } from '../../contract/cutover.ts';
import { qualified } from '../../plan/sql.ts';

// NAMEDATALEN - 1. PostgreSQL cuts longer names without a word, and two that differ at the end become one.
const maxNameBytes = 63;

/** A name of at most 63 bytes; a longer one is cut between two letters and keeps a hash of the whole. */
export function shortenName(name: string, ending = ''): string {
  const whole = name + ending;
  if (Buffer.byteLength(whole) <= maxNameBytes) return whole;
  const tail = `_${hash(whole)}${ending}`;
  let head = '';
  for (const letter of name) {
    if (Buffer.byteLength(head + letter + tail) > maxNameBytes) break;
    head += letter;
  }
  return head + tail;
}

/** A temporary name that collides with no other: for the time between two names, and for what is built before the swap. */
export function temporaryName(...parts: readonly string[]): string {
  return `drover_${hash(JSON.stringify(parts), 16)}`;
}

/** The schema a displaced table of this schema is kept in. */
export function backupSchema(schema: string, stamp: string): string {
  return shortenName(schema, `_backup_${stamp}`);
}

export function quoteName(name: RelationName): string {
  return qualified(name.schema, name.name);
}

/** For lists and messages; not SQL. */
export function displayName(name: RelationName): string {
  return `${name.schema}.${name.name}`;
}

/** Settings under which values are written as text and read again, as `name = value`; migration 0014 has them too. */
export const valueSettings = [
  "IntervalStyle = 'postgres'",
  "DateStyle = 'ISO, YMD'",
  "TimeZone = 'UTC'",
  'extra_float_digits = 1',
  "bytea_output = 'hex'",
  "lc_monetary = 'C'",
  "xmlbinary = 'base64'",
] as const;

function hash(text: string, digits = 8): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
