import type { Random } from '../core/random.ts';

/** A person who books. `email` is the address in its one form: lower case, NFC, the domain in ASCII. */
export interface Person {
  readonly email: string;
  /** The domain as it is written in letters; undefined where it is ASCII. */
  readonly domainInLetters?: string;
  readonly firstNames: readonly [string, string];
  readonly lastName: string;
  readonly phones: readonly [string, string];
  readonly company: string | null;
}

const FIRST_NAMES = ['Ana', 'José', 'Li', 'Zoë', 'Maria', 'Jürgen', 'Noor', 'Ivan', 'Chloé', 'Sam', 'Ángel', 'Kim'];
const LAST_NAMES = ['Reyes', 'Müller', 'Santos', 'O’Neil', 'Núñez', 'Smith', 'Tan', 'Kovač', 'Ferreira', 'Lee'];
const COMPANIES = ['Acme', 'Café Ruiz', 'Tan & Sons', 'Nordlicht GmbH'];
const DOMAINS = ['mail.example', 'example.com', 'post.example.org', 'shop.example.net'];
/** Domains in letters, and what they are in ASCII; written out, so that no library decides what is right. */
const LETTER_DOMAINS: readonly (readonly [string, string])[] = [
  ['bücher.example', 'xn--bcher-kva.example'],
  ['café.example', 'xn--caf-dma.example'],
  ['münchen.example', 'xn--mnchen-3ya.example'],
];

/** Person number `n`. Every fifth has the mailbox of the one before with a tag, which is another address. */
export function makePerson(seed: Random, n: number): Person {
  const random = seed.fork(`person/${n}`);
  const mailbox = n % 5 === 4 ? n - 1 : n;
  const tag = mailbox === n ? '' : `+${random.pick(['work', 'shop', 'x'])}`;
  // Name and domain belong to the mailbox, so that only the tag tells two people apart.
  const own = seed.fork(`mailbox/${mailbox}`);
  const first = own.pick(FIRST_NAMES);
  const last = own.pick(LAST_NAMES);
  const letters = own.chance(0.02) ? own.pick(LETTER_DOMAINS) : undefined;
  const domain = letters?.[1] ?? own.pick(DOMAINS);
  const local = `${own.chance(0.03) ? first.toLowerCase() : plain(first)}.${plain(last)}${mailbox}${tag}`;
  return {
    email: `${local.normalize('NFC')}@${domain}`,
    ...(letters === undefined ? {} : { domainInLetters: letters[0] }),
    firstNames: [first, random.pick(['Annie', 'Joe', 'Max', 'Bea'])],
    lastName: last,
    phones: [`63917${random.text(7)}`, `63918${random.text(7)}`],
    company: random.chance(0.2) ? random.pick(COMPANIES) : null,
  };
}

const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();

const ZERO_WIDTH = ['\u200b', '\ufeff', '\u2060'];
const BLANKS = [' ', '\t', '\u00a0', '  '];

/** The person's address as one of many spellings of the same. `dirt`: 0 gives the plain one. */
export function spellAddress({ email, domainInLetters }: Person, random: Random, dirt: number): string {
  const at = email.indexOf('@');
  const domain = domainInLetters !== undefined && random.chance(0.6) ? domainInLetters : email.slice(at + 1);
  let text = `${email.slice(0, at)}@${domain}`;
  if (random.chance(0.15 * dirt)) text = text.toUpperCase();
  else if (random.chance(0.1 * dirt)) text = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  if (random.chance(0.3 * dirt)) text = text.normalize('NFD');
  if (random.chance(0.05 * dirt)) {
    const place = random.int(0, text.length);
    text = `${text.slice(0, place)}${random.pick(ZERO_WIDTH)}${text.slice(place)}`;
  }
  if (random.chance(0.08 * dirt))
    text = `${random.pick(BLANKS)}${text}${random.chance(0.5) ? random.pick(BLANKS) : ''}`;
  return text;
}
