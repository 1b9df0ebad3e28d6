import type { Random } from '../core/random.ts';

/** Somebody who buys, or may. */
export interface Person {
  readonly email: string;
  readonly first: string;
  readonly last: string;
  readonly phone: string | null;
}

const FIRST = [
  'Ana',
  'Maria',
  'José',
  'Lourdes',
  'Rob',
  'Jasmine',
  'Carlo',
  'Íñigo',
  'Mae',
  'Kristine',
  'Paolo',
  'Grace',
];
const LAST = [
  'Santos',
  'Reyes',
  'Cruz',
  'Bautista',
  'Ocampo',
  'Garcia',
  'Mendoza',
  'dela Peña',
  'Villanueva',
  'O’Hara',
];
const HOSTS = ['example.com', 'example.org', 'mail.example.net', 'gmial.example'];

/** A person whose address no other has: the number is part of it. */
export function makePerson(random: Random, number: number): Person {
  const first = random.pick(FIRST);
  const last = random.pick(LAST);
  const local = `${first}.${last}`
    .normalize('NFD')
    .replace(/[^A-Za-z.]/g, '')
    .toLowerCase();
  const tag = random.chance(0.02) ? '+shop' : '';
  return {
    email: `${local}.${number}${tag}@${random.pick(HOSTS)}`,
    first,
    last,
    phone: random.chance(0.4) ? `+63 917 ${random.text(3)} ${random.text(4)}` : null,
  };
}
