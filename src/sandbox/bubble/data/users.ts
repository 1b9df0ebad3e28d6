import type { Random } from '../../core/random.ts';
import { assignIdsAndDates, randomInstant } from './calendar.ts';
import { LOCALES } from './locales.ts';
import { createDuplicateUsers } from './merges.ts';
import { applyTraps } from './traps.ts';
import { type UserDraft, type UserPlan, userDraft } from './user-draft.ts';
import { emailTraps, PASSWORD_TRAPS, ROLE_TRAPS, SIGN_UP_TRAPS, USER_DEFECTS } from './user-traps.ts';

/** 300 of 5,000 came with a bulk import. */
const TIES_PER_THOUSAND = 60;

/** The application's users: four seekers to a coach. */
export function makeUsers(random: Random, count: number, density: number): UserDraft[] {
  const plans = Array.from({ length: count }, (_, i) => planUser(random, i));
  const users = assignIdsAndDates(random, plans, () => randomInstant(random), TIES_PER_THOUSAND, density).map(
    (birth, i) => userDraft(birth, i + 1, random),
  );
  createDuplicateUsers(random.fork('merges'), users, density);
  // Survivors of a merge keep an address without further surprises, so that whom they swallow is beyond doubt.
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
