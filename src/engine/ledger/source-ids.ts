import { createHash } from 'node:crypto';

// An index entry of PostgreSQL holds 2,704 bytes; the keys of the ledger add a run, an entity and a step to the id.
const maxBytes = 1_024;
const shownCharacters = 64;

/**
 * The text by which the ledger and the target's bookkeeping know a source id or a merge key: itself, or for one that is too
 * long for an index its beginning and its SHA-256. Characters that PostgreSQL cannot store become U+FFFD. The same id has
 * the same key wherever it is named. The `#` marks keys by which the source cannot be read; see runs/control-store.ts.
 */
export function storableKey(text: string): string {
  const clean = text.isWellFormed() && !text.includes('\u0000') ? text : replaceUnstorable(text);
  if (clean.length * 3 <= maxBytes || Buffer.byteLength(clean) <= maxBytes) return clean;
  return `${clean.slice(0, shownCharacters).toWellFormed()}#${createHash('sha256').update(text).digest('hex')}`;
}

/** The text without what PostgreSQL cannot store: zero bytes and lone surrogates become U+FFFD. */
export function replaceUnstorable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\ufffd');
}
