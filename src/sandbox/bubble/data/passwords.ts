import type { Random } from '../../core/random.ts';

/** Real bcrypt hashes, of the word beside each: a mover that hashes them again locks their owners out. */
export const BCRYPT_HASHES = [
  { word: 'tangerine-42', hash: '$2b$12$6hkgxDvIJOYUVpXosEqmGOw7CH.Wc.mD1jg4Qhgd1XEsj6KIjeqGe' },
  { word: 'Mayon volcano', hash: '$2a$10$qIwf93g.QrHtNwEGQdDa1OheW9BwdirNcsus6aJZYAk4sw0TAS8Em' },
  { word: 'grüße', hash: '$2y$10$ZUgm1Lw6oaRVqZ4zUsjNPO4SZEHOu7jU2R04HBAiRuwcLp.WzvyE2' },
] as const;

const WORDS = [
  'mango',
  'Sommer',
  'pass',
  'kultur',
  'bridge',
  'Tokyo',
  'contraseña',
  '秘密',
  'hunter',
  'qwerty',
  'łódź',
];

/** A password as people choose them. */
export function plainPassword(random: Random): string {
  return `${random.pick(WORDS)}${random.pick(['', '!', '_', ' '])}${random.pick(WORDS)}${random.int(1, 2024)}`;
}
