import { DroverError } from '../../errors.ts';
import { parseCurrency, toMinor } from '../../money.ts';
import type { Json } from '../../plan/json.ts';
import { isSupported, maxUnitAmount, toStripe } from '../../targets/stripe/amounts.ts';
import { metadataKeys } from '../../targets/stripe/lookup.ts';
import { decodeEntities } from './html-entities.ts';

/** Why a value makes no product. */
export class Problem {
  readonly code: string;
  readonly field: string;
  readonly message: string;

  constructor(code: string, field: string, message: string) {
    this.code = code;
    this.field = field;
    this.message = message;
  }
}

const maxNameLength = 5_000;
const maxDescriptionLength = 40_000;

/** The name in one line, without blanks of any kind around it; one that shows nothing is none. */
export function readName(...candidates: readonly (Json | undefined)[]): string | Problem {
  const given = candidates.find((value) => !isAbsent(value) && (!isText(value) || isVisible(nameText(value))));
  if (given === undefined) return new Problem('MISSING_NAME', 'name', 'the product has no name');
  // Not the next candidate: what the product is called was said, and cannot be read.
  if (!isText(given)) return new Problem('BAD_TEXT', 'name', 'the name cannot be read: it is not text');
  const name = clean(nameText(given).replace(/\s*[\t\n\v\f\r\u0085\u2028\u2029]\s*/g, ' '));
  const length = lengthOf(name);
  if (length <= maxNameLength) return name;
  return new Problem('NAME_TOO_LONG', 'name', `the name has ${length} characters, and Stripe takes ${maxNameLength}`);
}

/** Entities are letters also in a text without tags: an editor wrote them. */
function nameText(value: Json | undefined): string {
  return decodeEntities(String(value));
}

/** The description as plain text: Stripe shows it to customers as it is, tags and all. */
export function readDescription(value: Json | undefined): string | null | Problem {
  if (isAbsent(value)) return null;
  if (!isText(value)) return new Problem('BAD_TEXT', 'description', 'the description cannot be read: it is not text');
  const given = String(value);
  const text = clean(markup.test(given) ? withoutMarkup(given) : decodeEntities(given));
  if (!isVisible(text)) return null;
  const length = lengthOf(text);
  if (length <= maxDescriptionLength) return text;
  const message = `the description has ${length} characters, and Stripe takes ${maxDescriptionLength}`;
  return new Problem('DESCRIPTION_TOO_LONG', 'description', message);
}

const markup = /<\/?[a-z][^<>]*>/i;
const lineBreakTags = /<(?:br|\/p|\/div|\/li|\/h[1-6]|\/tr)\b[^<>]*>/gi;
const hiddenElements = /<(script|style)\b[^<>]*>[\s\S]*?<\/\1\s*>/gi;

function withoutMarkup(html: string): string {
  const text = html
    .replace(hiddenElements, ' ')
    .replace(lineBreakTags, ' ')
    .replace(/<\/?[a-z][^<>]*>/gi, '');
  return decodeEntities(text).replace(/\s+/g, ' ');
}

/** What of these values is left out of the texts, in words; nothing of most. */
export function textNotes(values: Readonly<Record<string, Json | undefined>>): string[] {
  return Object.entries(values).flatMap(([field, value]) =>
    typeof value === 'string' && value.search(control) >= 0 ? [`control characters of the ${field} are left out`] : [],
  );
}

/** Characters as Stripe counts them: an emoji is one, whatever it takes in memory. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _character of text) length += 1;
  return length;
}

// What is neither a blank, nor a control character, nor a mark that only steers how others are shown.
const visibleCharacter = /[^\p{Z}\p{Cc}\p{Cf}]/u;
// Tabs and the ends of lines are how texts are laid out, and stay.
const control = /[^\P{Cc}\s\u0085]/gu;

const isVisible = (text: string): boolean => visibleCharacter.test(text);
const isText = (value: Json | undefined): boolean => ['string', 'number', 'boolean'].includes(typeof value);
const isAbsent = (value: Json | undefined): boolean => value === null || value === undefined;

/** Without blanks around it, and without invisible characters that PostgreSQL refuses or a shop page shows wrongly. */
function clean(text: string): string {
  return text.toWellFormed().replace(control, '').trim();
}

export interface Amount {
  /** Minor units of ISO 4217. */
  readonly minor: bigint;
  /** ISO 4217, upper case. */
  readonly currency: string;
}

// Digits and one point. A comma may part thousands or decimals, and which is not known.
const decimal = /^[+-]?\d+(\.\d+)?$/;

/** The price of a product: never guessed, never rounded. */
export function readPrice(
  price: Json | undefined,
  currency: Json | undefined,
  fallback: string | undefined,
): Amount | Problem {
  const text = price === null || price === undefined ? '' : String(price).trim();
  if (text === '') return new Problem('NO_PRICE', 'price', 'the product has no price');
  if (/^free$/i.test(text)) return new Problem('FREE_PRICE', 'price', 'the product is free');
  if (!decimal.test(text)) return new Problem('BAD_NUMBER', 'price', 'the price cannot be read: it is no number');
  const code = readCurrency(currency, fallback);
  return code instanceof Problem ? code : amountOf(text, code);
}

/** What the price is worth where it can be read, also when it cannot be charged. */
export function readCurrency(currency: Json | undefined, fallback: string | undefined): string | Problem {
  const given = currency === null || currency === undefined ? '' : String(currency).trim();
  const code = given === '' ? fallback : parseCurrency(given);
  if (code === undefined && given === '')
    return new Problem('UNKNOWN_CURRENCY', 'currency', 'the product has no currency, and the run no default');
  if (code === undefined)
    return new Problem('UNKNOWN_CURRENCY', 'currency', 'the currency cannot be read: it is none of ISO 4217');
  if (isSupported(code)) return code;
  return new Problem('UNSUPPORTED_CURRENCY', 'currency', `Stripe does not charge in ${code}`);
}

function amountOf(text: string, currency: string): Amount | Problem {
  const minor = minorOf(text, currency);
  if (minor instanceof Problem) return minor;
  if (minor === 0n) return new Problem('FREE_PRICE', 'price', 'the price is 0');
  if (minor < 0n) return new Problem('BAD_AMOUNT', 'price', 'the price is below 0');
  const charged = toStripe(minor, currency);
  if (charged !== undefined && charged > maxUnitAmount(currency))
    return new Problem('BAD_AMOUNT', 'price', 'the price is more than Stripe takes');
  if (charged !== undefined) return { minor, currency };
  return new Problem('BAD_AMOUNT', 'price', `the price is finer than can be charged in ${currency}`);
}

function minorOf(text: string, currency: string): bigint | Problem {
  try {
    return toMinor(text.replace(/^\+/, ''), currency);
  } catch (thrown) {
    if (!(thrown instanceof DroverError)) throw thrown;
    return new Problem('BAD_AMOUNT', 'price', `the price has more decimals than ${currency} knows`);
  }
}

/** An id that the row names: another value than text would be taken for none, and the product made a second time. */
export function readId(value: Json | undefined, field: string): Problem | undefined {
  if (isAbsent(value) || typeof value === 'string') return undefined;
  return new Problem('BAD_TEXT', field, `${field} cannot be read: it is not text`);
}

const maxImages = 8;
const maxUrlLength = 2_048;

export interface Images {
  readonly images: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The pictures Stripe can fetch: absolute addresses, each once, the first eight. `//host/x` means https; one that leads
 * from an unknown page (`/uploads/x.png`) leads nowhere and is left out.
 */
export function readImages(first: Json | undefined, more: Json | undefined): Images {
  const given = [first, ...(Array.isArray(more) ? more : [more])].filter((value) => value !== null);
  const texts = given.flatMap((value) => (value === undefined || isBlank(value) ? [] : [value]));
  const addresses = texts.map(addressOf);
  const good = [...new Set(addresses.filter((address) => address !== undefined))];
  const lost = addresses.filter((address) => address === undefined).length;
  return {
    images: good.slice(0, maxImages),
    notes: [
      ...(lost > 0 ? [`${lost} of ${texts.length} images have no address that leads anywhere and are left out`] : []),
      ...(good.length > maxImages ? [`the first ${maxImages} of ${good.length} images count`] : []),
    ],
  };
}

const isBlank = (value: Json): boolean => typeof value === 'string' && value.trim() === '';

function addressOf(value: Json): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const full = text.startsWith('//') ? `https:${text}` : text;
  if (!/^https?:\/\//i.test(full) || !URL.canParse(full)) return undefined;
  const { href } = new URL(full);
  return href.length <= maxUrlLength ? href : undefined;
}

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
  if (typeof value !== 'object' || Array.isArray(value))
    return badMetadata('the metadata cannot be read: it is not an object');
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

const trueWords = new Set(['true', 't', 'yes', 'y', 'on', '1']);
const falseWords = new Set(['false', 'f', 'no', 'n', 'off', '0']);

// A timestamp of PostgreSQL or JavaScript; of what is no date it is not known whether it means "deleted".
const timestamp = /^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d(:?\d\d)?)?)?$/i;

/** Whether the product is deleted: a time says when, and a yes or no is taken as such. */
export function readDeleted(value: Json | undefined): boolean | Problem {
  const text = typeof value === 'object' && value !== null ? '?' : String(value ?? '').trim();
  if (text === '' || falseWords.has(text.toLowerCase())) return false;
  if (trueWords.has(text.toLowerCase()) || (timestamp.test(text) && !Number.isNaN(Date.parse(text.slice(0, 10)))))
    return true;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return true;
  return new Problem('BAD_DATE', 'deleted_at', 'deleted_at cannot be read: it is neither a time, nor yes or no');
}

/** Whether the product is sold. Nothing said means yes, as in Stripe; anything but yes and no is not guessed at. */
export function readActive(value: Json | undefined): boolean | Problem {
  if (value === null || value === undefined) return true;
  const text = typeof value === 'object' ? '' : String(value).trim().toLowerCase();
  if (trueWords.has(text)) return true;
  if (falseWords.has(text)) return false;
  return new Problem('BAD_ACTIVE', 'active', 'active cannot be read: it is neither yes nor no');
}
