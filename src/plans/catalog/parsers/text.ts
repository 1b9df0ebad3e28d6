import type { Json } from '../../../plan/json.ts';
import { Problem } from './problem.ts';

const longestName = 5_000;
const longestDescription = 40_000;

/** The name, without blanks of any kind around it. */
export function readName(...candidates: readonly (Json | undefined)[]): string | Problem {
  const names = candidates.map((value) => (typeof value === 'string' ? clean(value) : ''));
  const name = names.find((value) => value !== '');
  if (name === undefined) return new Problem('MISSING_NAME', 'name', 'the product has no name');
  if (name.length <= longestName) return name;
  return new Problem(
    'NAME_TOO_LONG',
    'name',
    `the name has ${name.length} characters, and Stripe takes ${longestName}`,
  );
}

/** The description as plain text: Stripe shows it to customers as it is, tags and all. */
export function readDescription(value: Json | undefined): string | null | Problem {
  if (typeof value !== 'string') return null;
  const text = clean(markup.test(value) ? withoutMarkup(value) : value);
  if (text === '') return null;
  if (text.length <= longestDescription) return text;
  const message = `the description has ${text.length} characters, and Stripe takes ${longestDescription}`;
  return new Problem('DESCRIPTION_TOO_LONG', 'description', message);
}

const markup = /<\/?[a-z][^<>]*>/i;
const breaks = /<(?:br|\/p|\/div|\/li|\/h[1-6]|\/tr)\b[^<>]*>/gi;
const hidden = /<(script|style)\b[^<>]*>[\s\S]*?<\/\1\s*>/gi;

function withoutMarkup(html: string): string {
  const text = html
    .replace(hidden, ' ')
    .replace(breaks, ' ')
    .replace(/<\/?[a-z][^<>]*>/gi, '');
  return text.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, entity).replace(/\s+/g, ' ');
}

const named: Readonly<Record<string, string>> = {
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
function entity(whole: string, name: string): string {
  if (!name.startsWith('#')) return Object.hasOwn(named, name) ? (named[name] as string) : whole;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return isCharacter(code) ? String.fromCodePoint(code) : whole;
}

function isCharacter(code: number): boolean {
  return code > 0x1f && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/** Without blanks around it, and without what PostgreSQL cannot keep. */
function clean(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '').trim();
}
