import type { Random } from '../../core/random.ts';
import { isClean } from './draft.ts';
import { compareByAge } from './merges.ts';
import type { ProfileDraft, ProfilePlan } from './profile-draft.ts';
import type { UserDraft } from './user-draft.ts';

/**
 * Who has a profile: every person, by one of their accounts; and for every account that a merge makes superfluous, somebody
 * has a second one, so that there are as many profiles as accounts.
 */
export function profileOwners(random: Random, users: readonly UserDraft[]): ProfilePlan[] {
  const repeats = users.filter((user) => user.survivor !== undefined);
  const holders = new Map(users.filter((user) => user.survivor === undefined).map((user) => [user, user]));
  const alone = new Set(repeats.filter((_, i) => i % 3 === 0));
  for (const repeat of alone) if (repeat.survivor !== undefined) holders.set(repeat.survivor, repeat);
  const held = new Set(holders.values());
  const spare = repeats.filter((repeat) => !held.has(repeat));
  const byMerge = spare.slice(0, Math.ceil(spare.length / 2));
  const ordinary = users.filter((user) => isClean(user) && user.marks.length === 0);
  const twice = random.shuffle(ordinary).slice(0, repeats.length - byMerge.length);
  return [...held, ...byMerge, ...twice].map((owner) => ({ owner }));
}

/** Of several profiles of one person the oldest stays. Returns the profiles that are the only one. */
export function rejectDuplicateProfiles(profiles: readonly ProfileDraft[]): ProfileDraft[] {
  const byPerson = new Map<UserDraft, ProfileDraft[]>();
  for (const profile of profiles) {
    const person = profile.owner.survivor ?? profile.owner;
    const known = byPerson.get(person);
    if (known === undefined) byPerson.set(person, [profile]);
    else known.push(profile);
  }
  for (const group of byPerson.values()) keepOldest(group);
  return [...byPerson.values()].flatMap((group) => (group.length === 1 ? group : []));
}

function keepOldest(group: readonly ProfileDraft[]): void {
  const [oldest, ...seconds] = [...group].sort(compareByAge);
  for (const second of seconds) {
    if (oldest === undefined) return;
    second.verdict = { outcome: 'rejected', code: 'DUPLICATE_PROFILE', survivor: oldest.id };
    second.marks.push({ trap: oldest.owner === second.owner ? 'second-profile' : 'second-profile-by-merge' });
  }
}
