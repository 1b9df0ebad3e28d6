import { domainToASCII, domainToUnicode } from 'node:url';

// Soft hyphens, zero-width and direction marks and isolates, variation selectors, the byte order mark.
const invisible = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\0]|[\ufe00-\ufe0f]/g;
const address = /^[^\s@<>,;:"()[\]\\]{1,64}@[^\s@<>,;:"()[\]\\.]+(?:\.[^\s@<>,;:"()[\]\\.]+)+$/;

/**
 * The canonical spelling of an e-mail address by which every plan identifies a person: Unicode NFC, without padding or invisible
 * characters, lower case, the domain as ASCII (`bücher.example` is `xn--bcher-kva.example`). Two spellings of one
 * mailbox are one person: `é` as one character or as `e` with a combining accent, a domain in Unicode or in Punycode. Tags
 * (`+shop`) and dots are kept: for most providers they are other mailboxes.
 * @returns null when the value is not an address.
 */
export function emailKey(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const text = caseFold(value.replace(invisible, '').toWellFormed().normalize('NFC').trim());
  if (text.length > 254 || !address.test(text)) return null;
  const at = text.lastIndexOf('@');
  const domain = domainToASCII(text.slice(at + 1));
  return domain === '' ? null : `${text.slice(0, at)}@${domain}`;
}

/** The spellings of the address that a target may contain: the domain in ASCII and in Unicode. Other values unchanged. */
export function emailSpellings(value: unknown): readonly string[] {
  if (typeof value !== 'string') return [];
  const key = emailKey(value);
  if (key === null) return [value];
  const at = key.lastIndexOf('@') + 1;
  return [...new Set([key, `${key.slice(0, at)}${domainToUnicode(key.slice(at))}`])];
}

/**
 * The text without differences of case, also those that lower case leaves: a final sigma is a sigma, and `ß` the two letters
 * that its capital form may be written with.
 */
function caseFold(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ').replaceAll('ß', 'ss').normalize('NFC');
}
