import type { Random } from '../../core/random.ts';
import { births } from './calendar.ts';
import { fillClientProfile } from './client-profiles.ts';
import { fillCoachProfile } from './coach-profiles.ts';
import { blockedBy, canHaveChildren } from './parents.ts';
import { filledIn, type ProfileDraft, profileDraft } from './profile-draft.ts';
import { profileOwners, rejectSeconds } from './profile-owners.ts';
import {
  CLIENT_TRAPS,
  COACH_DEFECTS,
  COACH_TRAPS,
  LIST_TRAPS,
  NAME_TRAPS,
  PROFILE_DEFECTS,
  RATE_TRAPS,
} from './profile-traps.ts';
import { layTraps, type Traps } from './traps.ts';
import type { Role, UserDraft } from './user-draft.ts';

const TIES_PER_THOUSAND = 60;

/** The profiles of all users of one role, as many as there are accounts. */
export function makeProfiles(random: Random, users: readonly UserDraft[], role: Role, density: number): ProfileDraft[] {
  const fill = role === 'seeker' ? fillClientProfile : fillCoachProfile;
  const plans = profileOwners(
    random,
    users.filter((user) => user.role === role),
  );
  const profiles = births(random, plans, (plan) => filledIn(plan, random), TIES_PER_THOUSAND, density).map((birth) =>
    fill(profileDraft(birth), random),
  );
  const single = rejectSeconds(profiles);
  for (const profile of profiles) blockIfOrphaned(profile);
  // Neither of two profiles of one user gets another defect: which of them stays must not hang on it.
  lay(random, single, role === 'coach' ? { PROFILE_DEFECTS, COACH_DEFECTS } : { PROFILE_DEFECTS }, density);
  const benign = role === 'coach' ? { NAME_TRAPS, RATE_TRAPS, LIST_TRAPS, COACH_TRAPS } : { NAME_TRAPS, CLIENT_TRAPS };
  lay(random, profiles, benign, density);
  return profiles;
}

function lay(
  random: Random,
  profiles: readonly ProfileDraft[],
  groups: Record<string, Traps<ProfileDraft>>,
  density: number,
) {
  for (const [name, traps] of Object.entries(groups)) layTraps(random.fork(name), profiles, traps, density);
}

function blockIfOrphaned(profile: ProfileDraft): void {
  if (canHaveChildren(profile.owner)) return;
  profile.verdict = blockedBy(profile.owner);
  profile.marks.push({ trap: 'user-rejected' });
}
