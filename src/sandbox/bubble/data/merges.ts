import type { Random } from '../../core/random.ts';
import { isClean } from './draft.ts';
import { scaledCount } from './traps.ts';
import { signIn, signInWith, type UserDraft } from './user-draft.ts';

/** How many of a thousand users repeat another's address. */
const MERGED_PER_THOUSAND = 12;

/**
 * Makes some users repeat the address of another. The earliest `Created Date` stays, the lowest id among equals. Some share
 * even the millisecond (a bulk import run twice), and some come in threes.
 */
export function createDuplicateUsers(random: Random, users: readonly UserDraft[], density: number): void {
  let left = scaledCount(MERGED_PER_THOUSAND, users.length, density);
  const free = random.shuffle(users.filter(isClean));
  for (const pair of tiedPairs(users, Math.floor(left / 10))) left -= makeDuplicates(pair, random);
  while (left > 0 && free.length > 0) {
    const group = free.splice(0, left > 1 && random.chance(0.2) ? 3 : 2).filter((user) => !hasTraps(user));
    left -= makeDuplicates(group, random);
  }
}

/** Users of the bulk import, two by two. */
function tiedPairs(users: readonly UserDraft[], count: number): UserDraft[][] {
  const tied = users.filter((user, i) => isClean(user) && user.createdMs === users[i + 1]?.createdMs);
  return Array.from({ length: count }, (_, i) => tied.slice(i * 2, i * 2 + 2)).filter((pair) => pair.length === 2);
}

/** Makes the group one person; returns how many were merged away. */
function makeDuplicates(group: readonly UserDraft[], random: Random): number {
  const [survivor, ...repeats] = [...group].sort(compareByAge);
  if (survivor === undefined || repeats.length === 0) return 0;
  survivor.marks.push({ trap: 'merge-survivor', means: survivor.email });
  for (const repeat of repeats) {
    repeat.email = survivor.email;
    repeat.role = survivor.role;
    repeat.fields.type = survivor.fields.type;
    repeat.survivor = survivor;
    repeat.verdict = { outcome: 'skipped', code: 'MERGED', survivor: survivor.id };
    repeat.marks.push({ trap: 'email-repeated', means: survivor.email });
    respellEmail(repeat, random);
  }
  return repeats.length;
}

function hasTraps(user: UserDraft): boolean {
  return user.marks.length > 0;
}

/** Earliest first, the lowest id among equals: who stays when several are one. */
export function compareByAge(a: { createdMs: number; id: string }, b: { createdMs: number; id: string }): number {
  return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}

function respellEmail(user: UserDraft, random: Random): void {
  const form = random.int(1, 5);
  if (form === 1) signIn(user, user.email);
  else if (form === 2) signIn(user, user.email.toUpperCase());
  else if (form === 3) signIn(user, ` ${user.email}\u00a0`);
  else if (form === 4) signInWith(user, 'Google', user.email);
  else signIn(user, `\u200b${user.email}`);
}
