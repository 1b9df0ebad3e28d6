import type { Random } from '../../core/random.ts';
import { assignIdsAndDates } from './calendar.ts';
import { fillClientProfile } from './client-profiles.ts';
import { fillCoachProfile } from './coach-profiles.ts';
import { blockedBy, loadsOrMerges } from './parents.ts';
import { type ProfileDraft, profileCreatedMs, profileDraft } from './profile-draft.ts';
import { profileOwners, rejectDuplicateProfiles } from './profile-owners.ts';
import {
  CLIENT_TRAPS,
  COACH_DEFECTS,
  COACH_TRAPS,
  LIST_TRAPS,
  NAME_TRAPS,
  PROFILE_DEFECTS,
  RATE_TRAPS,
} from './profile-traps.ts';
import { applyTraps, type Traps } from './traps.ts';
import type { Role, UserDraft } from './user-draft.ts';

const TIES_PER_THOUSAND = 60;

/** The profiles of all users of one role, as many as there are accounts. */
export function makeProfiles(random: Random, users: readonly UserDraft[], role: Role, density: number): ProfileDraft[] {
  const fill = role === 'seeker' ? fillClientProfile : fillCoachProfile;
  const plans = profileOwners(
    random,
    users.filter((user) => user.role === role),
  );
  const profiles = assignIdsAndDates(
    random,
    plans,
    (plan) => profileCreatedMs(plan, random),
    TIES_PER_THOUSAND,
    density,
  ).map((birth) => fill(profileDraft(birth), random));
  const single = rejectDuplicateProfiles(profiles);
  for (const profile of profiles) blockIfOrphaned(profile);
  // Neither of two profiles of one user gets another defect: which of them stays must not hang on it.
  applyTrapGroups(random, single, role === 'coach' ? { PROFILE_DEFECTS, COACH_DEFECTS } : { PROFILE_DEFECTS }, density);
  const benign = role === 'coach' ? { NAME_TRAPS, RATE_TRAPS, LIST_TRAPS, COACH_TRAPS } : { NAME_TRAPS, CLIENT_TRAPS };
  applyTrapGroups(random, profiles, benign, density);
  return profiles;
}

function applyTrapGroups(
  random: Random,
  profiles: readonly ProfileDraft[],
  groups: Record<string, Traps<ProfileDraft>>,
  density: number,
) {
  for (const [name, traps] of Object.entries(groups)) applyTraps(random.fork(name), profiles, traps, density);
}

function blockIfOrphaned(profile: ProfileDraft): void {
  if (loadsOrMerges(profile.owner)) return;
  profile.verdict = blockedBy(profile.owner);
  profile.marks.push({ trap: 'user-rejected' });
}
