import type { Random } from '../../core/random.ts';
import { BCRYPT_HASHES, plainPassword } from './passwords.ts';
import type { Traps } from './traps.ts';
import { signIn, signInWith, type UserDraft } from './user-draft.ts';

/** Users that must be rejected. */
export const USER_DEFECTS: Traps<UserDraft> = {
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

/** Odd ways to hold an address that is there. */
export const emailTraps = (users: readonly UserDraft[]): Traps<UserDraft> => ({
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
      signInWith(user, 'Google', user.email);
      return user.email;
    },
  },
  'email-linkedin-only': {
    perThousand: 10,
    apply: (user) => {
      signInWith(user, 'LinkedIn', user.email);
      return user.email;
    },
  },
  // The address that signs in is the user's; the custom field is what somebody once typed into a form.
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

export const ROLE_TRAPS: Traps<UserDraft> = {
  'role-spelling': {
    perThousand: 40,
    apply: (user, random) => {
      const title = user.role === 'seeker' ? 'Seeker' : 'Coach';
      user.fields.type = random.pick([title, `${title} `, ` ${user.role}`, title.toUpperCase()]);
      return user.role === 'seeker' ? 'client' : 'coach';
    },
  },
};

/** Passwords of the days when the application kept them in a field of its own. */
export const PASSWORD_TRAPS: Traps<UserDraft> = {
  'password-plain': { perThousand: 20, apply: (user, random) => setFields(user, { password: plainPassword(random) }) },
  'password-bcrypt': {
    perThousand: 4,
    apply: (user, random) => setFields(user, { password: random.pick(BCRYPT_HASHES).hash }),
  },
};

export const SIGN_UP_TRAPS: Traps<UserDraft> = {
  'never-signed-up': { perThousand: 10, apply: (user) => setFields(user, { user_signed_up: false }) },
};

function setFields(user: UserDraft, fields: Record<string, unknown>): undefined {
  Object.assign(user.fields, fields);
}

function setEmailText(user: UserDraft, spelled: string): string {
  signIn(user, spelled);
  return user.email;
}

/** `ana+coach7@` is another mailbox than `ana@`, and another person: never folded. */
function addPlusTag(user: UserDraft, namesake: UserDraft): string {
  user.email = namesake.email.replace('@', `+coach${user.index}@`);
  return setEmailText(user, user.email);
}

// The row's own number stays in, so that no two malformed addresses are the same.
function malformEmail(user: UserDraft, random: Random): undefined {
  const local = user.email.slice(0, user.email.indexOf('@'));
  const broken = random.pick([
    local,
    `${local}@@example.com`,
    `${local}@`,
    `${local} at example.com`,
    `@${local}.example`,
  ]);
  signIn(user, broken);
}
