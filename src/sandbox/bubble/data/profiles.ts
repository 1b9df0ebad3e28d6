import type { Random } from '../../core/random.ts';
import { applyTraps, assignIdsAndDates, isClean, type Traps } from './drafts.ts';
import {
  fillClientProfile,
  fillCoachProfile,
  type ProfileDraft,
  type ProfilePlan,
  profileCreatedMs,
  profileDraft,
} from './profile-fields.ts';
import { blockedBy, compareByAge, deletedRecordId, loadsOrMerges, type Role, type UserDraft } from './users.ts';

const TIES_PER_THOUSAND = 60;

/** The profiles of all users of one role, as many as there are accounts, in order of creation. */
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
  ).map((planned) => fill(profileDraft(planned), random));
  const unique = rejectDuplicateProfiles(profiles);
  for (const profile of profiles) blockIfOrphaned(profile);
  // Duplicate profiles get no other defect, because a defect could change which of them survives.
  applyTrapGroups(random, unique, role === 'coach' ? { PROFILE_DEFECTS, COACH_DEFECTS } : { PROFILE_DEFECTS }, density);
  const loadable =
    role === 'coach' ? { NAME_TRAPS, RATE_TRAPS, LIST_TRAPS, COACH_TRAPS } : { NAME_TRAPS, CLIENT_TRAPS };
  applyTrapGroups(random, profiles, loadable, density);
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

/**
 * The accounts that have profiles. Every person has one, at one of the person's accounts. For every account that is merged
 * into another there is a second profile of some person, so that there are as many profiles as accounts.
 */
function profileOwners(random: Random, users: readonly UserDraft[]): ProfilePlan[] {
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

/** Rejects all but the oldest of several profiles of one person. Returns the profiles of persons that have only one. */
function rejectDuplicateProfiles(profiles: readonly ProfileDraft[]): ProfileDraft[] {
  const byPerson = new Map<UserDraft, ProfileDraft[]>();
  for (const profile of profiles) {
    const person = profile.owner.survivor ?? profile.owner;
    const group = byPerson.get(person);
    if (group === undefined) byPerson.set(person, [profile]);
    else group.push(profile);
  }
  for (const group of byPerson.values()) keepOldest(group);
  return [...byPerson.values()].flatMap((group) => (group.length === 1 ? group : []));
}

function keepOldest(group: readonly ProfileDraft[]): void {
  const [oldest, ...others] = [...group].sort(compareByAge);
  for (const other of others) {
    if (oldest === undefined) return;
    other.verdict = { outcome: 'rejected', code: 'DUPLICATE_PROFILE', survivor: oldest.id };
    other.marks.push({ trap: oldest.owner === other.owner ? 'second-profile' : 'second-profile-by-merge' });
  }
}

// Traps.

/** Traps for which a profile of either kind must be rejected. */
const PROFILE_DEFECTS: Traps<ProfileDraft> = {
  'user-deleted': {
    perThousand: 6,
    code: 'ORPHAN',
    apply: (profile, random) => setFields(profile, { user_id: deletedRecordId(random) }),
  },
  'user-missing': {
    perThousand: 3,
    code: 'MISSING_REFERENCE',
    apply: (profile) => setFields(profile, { user_id: undefined }),
  },
};

/** Traps for which a coach's profile must be rejected. Rates from 25 to 500 are valid, the bounds included. */
const COACH_DEFECTS: Traps<ProfileDraft> = {
  'rate-out-of-range': {
    perThousand: 12,
    code: 'RATE_OUT_OF_RANGE',
    apply: (profile, random) => setFields(profile, { rate: random.pick([5, 24.99, 500.01, 900, 12000, -50]) }),
  },
  'rate-not-a-number': {
    perThousand: 8,
    code: 'BAD_NUMBER',
    apply: (profile, random) => setFields(profile, { rate: random.pick(['about 50', 'ask me', '50-60', 'TBD']) }),
  },
};

const NAME_TRAPS: Traps<ProfileDraft> = {
  'name-emoji': {
    perThousand: 6,
    apply: (profile) => setFields(profile, { first_name: `${profile.owner.firstName} 👩🏽‍🏫🇵🇭` }),
  },
  'name-right-to-left': {
    perThousand: 6,
    apply: (profile) => setFields(profile, { last_name: '\u202eمريم\u202c (Maryam)' }),
  },
  'name-formula': {
    perThousand: 4,
    apply: (profile, random) =>
      setFields(profile, { first_name: random.pick(['=cmd|"/C calc"!A0', '+1+1', '@SUM(A1)']) }),
  },
  'name-quotes': {
    perThousand: 6,
    apply: (profile) => setFields(profile, { last_name: `O'Neil "Robert'); DROP TABLE users;--"` }),
  },
};

const CLIENT_TRAPS: Traps<ProfileDraft> = {
  'json-doubly-encoded': {
    perThousand: 20,
    appliesTo: hasField('quiz_responses'),
    apply: (profile) => encodeAgain(profile, 'quiz_responses'),
  },
  'phone-local': {
    perThousand: 15,
    apply: (profile, random) => setFields(profile, { phone_number: `0917${random.text(7)}` }),
  },
  'phone-scientific': { perThousand: 5, apply: (profile) => setFields(profile, { phone_number: '6.39175E+11' }) },
  'zone-free-text': { perThousand: 5, apply: (profile) => setFields(profile, { time_zone: 'Manila time (GMT+8)' }) },
};

const RATE_TRAPS: Traps<ProfileDraft> = {
  'rate-with-unit': { perThousand: 20, apply: (profile, random) => setRateText(profile, random, (n) => `$${n}/hr`) },
  'rate-decimal-comma': { perThousand: 12, apply: (profile, random) => setRateText(profile, random, (n) => `${n},00`) },
  'rate-as-text': { perThousand: 20, apply: (profile, random) => setRateText(profile, random, (n) => ` ${n} `) },
  'rate-on-the-edge': {
    perThousand: 10,
    apply: (profile, random) => {
      profile.fields.rate = random.pick([25, 500]);
      return `${profile.fields.rate}.00`;
    },
  },
};

const LIST_TRAPS: Traps<ProfileDraft> = {
  'list-as-text': { perThousand: 40, appliesTo: hasField('languages_spoken'), apply: listAsText },
  'list-very-long': {
    perThousand: 3,
    apply: (profile) => setFields(profile, { expertise_areas: LONG_EXPERTISE_LIST }),
  },
};

const COACH_TRAPS: Traps<ProfileDraft> = {
  'biography-html': {
    perThousand: 30,
    apply: (profile) =>
      setFields(profile, {
        biography: '<p>Hello &amp; welcome!</p>\r\n<ul>\n  <li>20 years</li>\n</ul>\n[b]Book now[/b]',
      }),
  },
  'json-doubly-encoded': {
    perThousand: 20,
    appliesTo: hasField('availability_data'),
    apply: (profile) => encodeAgain(profile, 'availability_data'),
  },
  'number-as-text': {
    perThousand: 20,
    apply: (profile) => setFields(profile, { average_rating: '4.5', session_count: '12' }),
  },
};

function setFields(profile: ProfileDraft, fields: Record<string, unknown>): undefined {
  Object.assign(profile.fields, fields);
}

function hasField(field: string): (profile: ProfileDraft) => boolean {
  return (profile) => profile.fields[field] !== undefined;
}

function setRateText(profile: ProfileDraft, random: Random, write: (amount: number) => string): string {
  const amount = random.int(3, 49) * 10;
  profile.fields.rate = write(amount);
  return `${amount}.00`;
}

/** Encodes the field's JSON a second time; returns the JSON that two decodings give. */
function encodeAgain(profile: ProfileDraft, field: string): string {
  const json = profile.fields[field] as string;
  profile.fields[field] = JSON.stringify(json);
  return json;
}

function listAsText(profile: ProfileDraft): string {
  const items = profile.fields.languages_spoken as string[];
  profile.fields.languages_spoken = items.join(' , ');
  return JSON.stringify(items);
}

/** A list of 250 areas: Bubble does not limit the length of lists. */
const LONG_EXPERTISE_LIST: readonly string[] = Array.from({ length: 250 }, (_, i) => `Area ${i + 1}, revised`);
