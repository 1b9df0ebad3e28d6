import type { Random } from '../../core/random.ts';
import { uid } from '../schema.ts';
import {
  applyTraps,
  assignIdsAndDates,
  type Draft,
  type ExpectedOutcome,
  isClean,
  LAST_DAY,
  type PlannedRecord,
  RECONCILED,
  randomInstant,
  scaledCount,
  type Traps,
} from './drafts.ts';
import { LOCALES, type Locale, MAIL_DOMAINS } from './locales.ts';

/** 300 of 5,000 users have the creation time of one bulk import. */
const TIES_PER_THOUSAND = 60;

/** The application's users, in order of creation: four seekers for each coach. */
export function makeUsers(random: Random, count: number, density: number): UserDraft[] {
  const plans = Array.from({ length: count }, (_, i) => planUser(random, i));
  const users = assignIdsAndDates(random, plans, () => randomInstant(random), TIES_PER_THOUSAND, density).map(
    (planned, i) => userDraft(planned, i + 1, random),
  );
  createDuplicateUsers(random.fork('merges'), users, density);
  // Survivors of a merge get no further traps in their address, so that it is certain which users are merged into them.
  const others = users.filter((user) => user.marks.length === 0);
  const groups = { USER_DEFECTS, EMAIL_TRAPS: emailTraps(others), ROLE_TRAPS, PASSWORD_TRAPS, SIGN_UP_TRAPS };
  for (const [name, traps] of Object.entries(groups))
    applyTraps(random.fork(name), others, traps, density, users.length);
  return users;
}

function planUser(random: Random, index: number): UserPlan {
  const locale = random.pick(LOCALES);
  const role = index % 5 === 0 ? 'coach' : 'seeker';
  return { role, locale, firstName: random.pick(locale.first), lastName: random.pick(locale.last) };
}

export type Role = 'seeker' | 'coach';

/** A user before it has an id and a creation time. */
interface UserPlan {
  readonly role: Role;
  readonly locale: Locale;
  readonly firstName: string;
  readonly lastName: string;
}

export interface UserDraft extends Draft, Omit<UserPlan, 'role'> {
  role: Role;
  /** Its position among the users, counted from 1; part of its address, which makes the address unique. */
  readonly index: number;
  /** The normalised address that a mover must derive from the row. */
  email: string;
  /** The user this one is merged into. */
  survivor?: UserDraft;
}

/** A user without traps. */
function userDraft(planned: PlannedRecord<UserPlan>, index: number, random: Random): UserDraft {
  const { plan, id, createdMs } = planned;
  const email = `${addressPart(plan.firstName)}.${addressPart(plan.lastName)}${index}@${random.pick(MAIL_DOMAINS)}`;
  const draft: UserDraft = {
    ...plan,
    index,
    id,
    createdMs,
    createdBy: random.chance(0.05) ? APP_ADMIN : id,
    email,
    verdict: RECONCILED,
    marks: [],
    fields: {
      user_signed_up: true,
      type: plan.role,
      active: random.chance(0.9) ? true : random.pick([false, undefined]),
      verified: random.chance(0.7) ? true : random.pick([false, undefined]),
      'Referral Source ': random.chance(0.1) ? random.pick(['A friend', 'Podcast', 'LinkedIn ']) : undefined,
    },
  };
  setSignInEmail(draft, email);
  if (random.chance(0.5)) draft.fields.email = email;
  return draft;
}

/** The `Created By` of records that the application's owners entered themselves. */
export const APP_ADMIN = 'admin_user_culturebridge-phase1_live';

/** Sets the address that the user signs in with, exactly as given. */
function setSignInEmail(draft: UserDraft, text: string): void {
  draft.fields.authentication = { email: { email: text, email_confirmed: draft.fields.verified === true } };
  if (draft.fields.email !== undefined) draft.fields.email = text;
}

/** Makes another service the only sign-in: no `email` block, no custom field. */
function setSignInService(draft: UserDraft, service: 'Google' | 'LinkedIn', address: string): void {
  draft.fields.authentication = { [service]: { email: address } };
  delete draft.fields.email;
}

/** The letters of a name that may be part of an address. */
function addressPart(name: string): string {
  const plain = name
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
  return plain === '' ? 'user' : plain;
}

/** A well-formed id of a record that does not exist. */
export function deletedRecordId(random: Random): string {
  // After the last day, so that no existing record has this id.
  return uid(LAST_DAY + random.int(1_000_000_000, 9_000_000_000), random);
}

/** Whether records that refer to the user can load: those of a merged user go to the survivor. */
export function loadsOrMerges(user: UserDraft): boolean {
  return isClean(user) || user.survivor !== undefined;
}

/** The expected outcome of a record whose parent does not load. */
export function blockedBy(parent: Draft): ExpectedOutcome {
  return { outcome: 'blocked', code: 'PARENT_REJECTED', blockedBy: parent.id };
}

// Duplicate users.

/** How many of a thousand users have the same address as another one. */
const MERGED_PER_THOUSAND = 12;

/**
 * Gives some users the address of another. The user with the earliest `Created Date` survives; with equal dates, the one
 * with the lowest id. Some groups share the same millisecond (a bulk import that ran twice), and some have three members.
 */
function createDuplicateUsers(random: Random, users: readonly UserDraft[], density: number): void {
  let left = scaledCount(MERGED_PER_THOUSAND, users.length, density);
  const free = random.shuffle(users.filter(isClean));
  for (const pair of tiedPairs(users, Math.floor(left / 10))) left -= makeDuplicates(pair, random);
  while (left > 0 && free.length > 0) {
    const group = free.splice(0, left > 1 && random.chance(0.2) ? 3 : 2).filter((user) => !hasTraps(user));
    left -= makeDuplicates(group, random);
  }
}

/** Pairs of users with the same creation time, from the bulk import. */
function tiedPairs(users: readonly UserDraft[], count: number): UserDraft[][] {
  const tied = users.filter((user, i) => isClean(user) && user.createdMs === users[i + 1]?.createdMs);
  return Array.from({ length: count }, (_, i) => tied.slice(i * 2, i * 2 + 2)).filter((pair) => pair.length === 2);
}

/** Gives all users of the group one address; returns how many of them are merged into the survivor. */
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

/** Earliest first, with equal dates the lowest id: the first of several duplicates survives. */
export function compareByAge(a: { createdMs: number; id: string }, b: { createdMs: number; id: string }): number {
  return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}

function respellEmail(user: UserDraft, random: Random): void {
  const form = random.int(1, 5);
  if (form === 1) setSignInEmail(user, user.email);
  else if (form === 2) setSignInEmail(user, user.email.toUpperCase());
  else if (form === 3) setSignInEmail(user, ` ${user.email}\u00a0`);
  else if (form === 4) setSignInService(user, 'Google', user.email);
  else setSignInEmail(user, `\u200b${user.email}`);
}

// Traps.

/** Traps for which a user must be rejected. */
const USER_DEFECTS: Traps<UserDraft> = {
  'role-unknown': {
    perThousand: 4,
    code: 'UNKNOWN_ROLE',
    apply: (user, random) => setFields(user, { type: random.pick(['wizard', 'moderator', 'Time Lord']) }),
  },
  'role-empty': { perThousand: 1, code: 'UNKNOWN_ROLE', apply: (user) => setFields(user, { type: undefined }) },
  'email-missing': {
    perThousand: 2,
    code: 'BAD_EMAIL',
    apply: (user) => setFields(user, { authentication: undefined, email: undefined, user_signed_up: false }),
  },
  'email-malformed': { perThousand: 2, code: 'BAD_EMAIL', apply: malformEmail },
};

/** Unusual forms of a valid address. */
const emailTraps = (users: readonly UserDraft[]): Traps<UserDraft> => ({
  'email-upper-case': { perThousand: 30, apply: (user) => setEmailText(user, user.email.toUpperCase()) },
  'email-padded': { perThousand: 8, apply: (user) => setEmailText(user, `  ${user.email} `) },
  'email-no-break-space': { perThousand: 4, apply: (user) => setEmailText(user, `\u00a0${user.email}\u00a0`) },
  'email-zero-width': {
    perThousand: 4,
    apply: (user, random) =>
      setEmailText(user, `${random.pick(['\u200b', '\ufeff'])}${user.email.replace('@', '\u200b@')}`),
  },
  'email-plus-tag': { perThousand: 10, apply: (user, random) => addPlusTag(user, random.pick(users)) },
  'email-google-only': {
    perThousand: 40,
    apply: (user) => {
      setSignInService(user, 'Google', user.email);
      return user.email;
    },
  },
  'email-linkedin-only': {
    perThousand: 10,
    apply: (user) => {
      setSignInService(user, 'LinkedIn', user.email);
      return user.email;
    },
  },
  // The sign-in address counts; the custom field holds an older entry of a form.
  'email-custom-differs': {
    perThousand: 6,
    apply: (user) => {
      user.fields.email = `old.${user.email}`;
      return user.email;
    },
  },
  'email-custom-only': {
    perThousand: 6,
    apply: (user) => {
      setFields(user, { authentication: undefined, email: user.email, user_signed_up: false });
      return user.email;
    },
  },
});

const ROLE_TRAPS: Traps<UserDraft> = {
  'role-spelling': {
    perThousand: 40,
    apply: (user, random) => {
      const title = user.role === 'seeker' ? 'Seeker' : 'Coach';
      user.fields.type = random.pick([title, `${title} `, ` ${user.role}`, title.toUpperCase()]);
      return user.role === 'seeker' ? 'client' : 'coach';
    },
  },
};

/** Passwords from the time when the application stored them in a separate field. */
const PASSWORD_TRAPS: Traps<UserDraft> = {
  'password-plain': { perThousand: 20, apply: (user, random) => setFields(user, { password: plainPassword(random) }) },
  'password-bcrypt': {
    perThousand: 4,
    apply: (user, random) => setFields(user, { password: random.pick(BCRYPT_HASHES).hash }),
  },
};

const SIGN_UP_TRAPS: Traps<UserDraft> = {
  'never-signed-up': { perThousand: 10, apply: (user) => setFields(user, { user_signed_up: false }) },
};

function setFields(user: UserDraft, fields: Record<string, unknown>): undefined {
  Object.assign(user.fields, fields);
}

function setEmailText(user: UserDraft, text: string): string {
  setSignInEmail(user, text);
  return user.email;
}

/** `ana+coach7@` and `ana@` are different mailboxes and different persons; they must not be merged. */
function addPlusTag(user: UserDraft, namesake: UserDraft): string {
  user.email = namesake.email.replace('@', `+coach${user.index}@`);
  return setEmailText(user, user.email);
}

// The user's index is part of the address, so that no two malformed addresses are equal.
function malformEmail(user: UserDraft, random: Random): undefined {
  const local = user.email.slice(0, user.email.indexOf('@'));
  const broken = random.pick([
    local,
    `${local}@@example.com`,
    `${local}@`,
    `${local} at example.com`,
    `@${local}.example`,
  ]);
  setSignInEmail(user, broken);
}

/** Real bcrypt hashes with the passwords that they belong to: a mover that hashes them again makes sign-in impossible. */
const BCRYPT_HASHES = [
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

/** A password in clear text: two words and a number. */
function plainPassword(random: Random): string {
  return `${random.pick(WORDS)}${random.pick(['', '!', '_', ' '])}${random.pick(WORDS)}${random.int(1, 2024)}`;
}
