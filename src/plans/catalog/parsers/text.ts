import type { Json } from '../../../plan/json.ts';
import { Problem } from './problem.ts';

const maxNameLength = 5_000;
const maxDescriptionLength = 40_000;

/** The name in one line, without blanks of any kind around it; one that shows nothing is none. */
export function readName(...candidates: readonly (Json | undefined)[]): string | Problem {
  const given = candidates.find((value) => isText(value) && visibleCharacter.test(String(value)));
  if (given === undefined) {
    const strange = candidates.some((value) => !isText(value) && !isAbsent(value));
    if (strange) return new Problem('BAD_TEXT', 'name', 'the name is not text');
    return new Problem('MISSING_NAME', 'name', 'the product has no name');
  }
  const name = clean(String(given).replace(/\s*[\t\n\v\f\r\u0085\u2028\u2029]\s*/g, ' '));
  const length = lengthOf(name);
  if (length <= maxNameLength) return name;
  return new Problem('NAME_TOO_LONG', 'name', `the name has ${length} characters, and Stripe takes ${maxNameLength}`);
}

/** The description as plain text: Stripe shows it to customers as it is, tags and all. */
export function readDescription(value: Json | undefined): string | null | Problem {
  if (isAbsent(value)) return null;
  if (!isText(value)) return new Problem('BAD_TEXT', 'description', 'the description is not text');
  const given = String(value);
  const text = clean(markup.test(given) ? withoutMarkup(given) : given);
  if (!visibleCharacter.test(text)) return null;
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
  return text.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, decodeEntity).replace(/\s+/g, ' ');
}

const namedEntities: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' },
  ...{
    eacute: 'é',
    egrave: 'è',
    agrave: 'à',
    auml: 'ä',
    ouml: 'ö',
    uuml: 'ü',
    Auml: 'Ä',
    Ouml: 'Ö',
    Uuml: 'Ü',
    szlig: 'ß',
  },
  ...{ ndash: '–', mdash: '—', hellip: '…', lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', euro: '€', copy: '©' },
  ...{ reg: '®', trade: '™', deg: '°', middot: '·', bull: '•', times: '×', pound: '£', yen: '¥' },
};

// What is not known stays as it is written: a wrong guess would be worse.
function decodeEntity(whole: string, name: string): string {
  if (!name.startsWith('#')) return Object.hasOwn(namedEntities, name) ? (namedEntities[name] as string) : whole;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return isCharacter(code) ? String.fromCodePoint(code) : whole;
}

function isCharacter(code: number): boolean {
  return code > 0x1f && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/** What of these values is left out of the texts, in words; nothing of most. */
export function textNotes(values: Readonly<Record<string, Json | undefined>>): string[] {
  return Object.entries(values).flatMap(([field, value]) =>
    typeof value === 'string' && value.search(control) >= 0 ? [`control characters of the ${field} are left out`] : [],
  );
}

/** Characters as Stripe counts them: an emoji is one, whatever it takes in memory. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _character of text) length += 1;
  return length;
}

// What is neither a blank, nor a control character, nor a mark that only steers how others are shown.
const visibleCharacter = /[^\p{Z}\p{Cc}\p{Cf}]/u;
// Tabs and the ends of lines are how texts are laid out, and stay.
const control = /[^\P{Cc}\s\u0085]/gu;

const isText = (value: Json | undefined): boolean => ['string', 'number', 'boolean'].includes(typeof value);
const isAbsent = (value: Json | undefined): boolean => value === null || value === undefined;

/** Without blanks around it, and without characters that nobody sees and that PostgreSQL or a shop page trips over. */
function clean(text: string): string {
  return text.toWellFormed().replace(control, '').trim();
}
