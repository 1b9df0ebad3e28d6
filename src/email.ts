import { domainToASCII, domainToUnicode } from 'node:url';

// Soft hyphens, zero-width and direction marks, isolates, variation selectors, the byte order mark.
const invisible = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\0]|[\ufe00-\ufe0f]/g;
const address = /^[^\s@<>,;:"()[\]\\]{1,64}@[^\s@<>,;:"()[\]\\.]+(?:\.[^\s@<>,;:"()[\]\\.]+)+$/;

/**
 * The canonical spelling of an e-mail address by which every plan identifies a person: Unicode NFC, without padding or invisible
 * characters, case-folded, the domain as ASCII (`bücher.example` is `xn--bcher-kva.example`). Two spellings of one
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

/**
 * The spellings of the address that a target may contain: the domain in ASCII and in Unicode. Other values unchanged. A domain
 * in Unicode that folds to another one (`xn--fa-hia.example` is `faß.example`, and `fass.example` has another owner) is left out.
 */
export function emailSpellings(value: unknown): readonly string[] {
  if (typeof value !== 'string') return [];
  const key = emailKey(value);
  if (key === null) return [value];
  const at = key.lastIndexOf('@') + 1;
  const inUnicode = `${key.slice(0, at)}${domainToUnicode(key.slice(at))}`;
  return inUnicode !== key && emailKey(inUnicode) === key ? [key, inUnicode] : [key];
}

/**
 * What lower case leaves of Unicode's case folding, letter by letter; `emailKeySql` has the same. Not in it are the Greek
 * letters with an iota below and the Armenian ligatures.
 */
const folds = new Map<string, string>([
  ...[...'ςſϐϑϕϖϰϱϵ\u00b5ẛ'].map((letter, at): [string, string] => [letter, 'σsβθφπκρε\u03bcṡ'.charAt(at)]),
  ...Object.entries({ ß: 'ss', ﬀ: 'ff', ﬁ: 'fi', ﬂ: 'fl', ﬃ: 'ffi', ﬄ: 'ffl', ﬅ: 'st', ﬆ: 'st' }),
]);
const foldable = new RegExp(`[${[...folds.keys()].join('')}]`, 'g');

function caseFold(text: string): string {
  return text
    .toLowerCase()
    .replace(foldable, (letter) => folds.get(letter) ?? letter)
    .normalize('NFC');
}
