import type { Random } from '../../core/random.ts';
import type { PlannedRecord } from './calendar.ts';
import { type Draft, RECONCILED } from './draft.ts';
import { type Locale, MAIL_DOMAINS } from './locales.ts';

export type Role = 'seeker' | 'coach';

/** What is decided of a user before birth. */
export interface UserPlan {
  readonly role: Role;
  readonly locale: Locale;
  readonly firstName: string;
  readonly lastName: string;
}

export interface UserDraft extends Draft, Omit<UserPlan, 'role'> {
  role: Role;
  /** Its place among the users, and in its address: nobody else's. */
  readonly index: number;
  /** Normalised: what a mover must make of whatever is in the row. */
  email: string;
  /** The user this one is merged into. */
  survivor?: UserDraft;
}

/** An ordinary user. */
export function userDraft(birth: PlannedRecord<UserPlan>, index: number, random: Random): UserDraft {
  const { plan, id, createdMs } = birth;
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
  signIn(draft, email);
  if (random.chance(0.5)) draft.fields.email = email;
  return draft;
}

/** `Created By` of what the application's makers entered themselves. */
export const APP_ADMIN = 'admin_user_culturebridge-phase1_live';

/** Gives the user an address to sign in with, spelled as given. */
export function signIn(draft: UserDraft, spelled: string): void {
  draft.fields.authentication = { email: { email: spelled, email_confirmed: draft.fields.verified === true } };
  if (draft.fields.email !== undefined) draft.fields.email = spelled;
}

/** Lets the user sign in with another service only: no `email` block, no custom field. */
export function signInWith(draft: UserDraft, service: 'Google' | 'LinkedIn', address: string): void {
  draft.fields.authentication = { [service]: { email: address } };
  delete draft.fields.email;
}

/** The letters of a name that an address may hold. */
function addressPart(name: string): string {
  const plain = name
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
  return plain === '' ? 'user' : plain;
}
