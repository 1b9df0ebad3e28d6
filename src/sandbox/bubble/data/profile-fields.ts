import type { Random } from '../../core/random.ts';
import { DAY, type Draft, MINUTE, type PlannedRecord, RECONCILED } from './drafts.ts';
import { LOCALES } from './locales.ts';
import type { UserDraft } from './users.ts';

export interface ProfilePlan {
  readonly owner: UserDraft;
}

export interface ProfileDraft extends Draft {
  owner: UserDraft;
}

/** A profile with no fields except its user. */
export function profileDraft({ plan, id, createdMs }: PlannedRecord<ProfilePlan>): ProfileDraft {
  const { owner } = plan;
  return { owner, id, createdMs, createdBy: owner.id, verdict: RECONCILED, marks: [], fields: { user_id: owner.id } };
}

/** Most profiles are created within a month after the user; one in fifty, entered by the staff, up to five days before. */
export function profileCreatedMs({ owner }: ProfilePlan, random: Random): number {
  return random.chance(0.02)
    ? owner.createdMs - random.int(MINUTE, 5 * DAY)
    : owner.createdMs + random.int(MINUTE, 30 * DAY);
}

/** The URL of a picture in Bubble's form: without a scheme. */
function randomPhotoUrl(random: Random, owner: UserDraft): string | undefined {
  if (random.chance(0.3)) return undefined;
  return `//abc123.cdn.bubble.io/f${owner.createdMs}x${random.text(18)}/${random.pick(['me.png', 'IMG_0042.JPG', 'photo%20(1).jpg'])}`;
}

const GOALS = ['moving abroad', 'a new job', 'marriage', 'studies', 'negotiation', 'family reunion'];
const STYLES = ['direct', 'indirect', 'formal', 'relaxed'];

/** Fills in a client's profile. */
export function fillClientProfile(profile: ProfileDraft, random: Random): ProfileDraft {
  const { owner } = profile;
  Object.assign(profile.fields, {
    first_name: owner.firstName,
    last_name: owner.lastName,
    photo: randomPhotoUrl(random, owner),
    phone_number: random.chance(0.8) ? `${owner.locale.phone} ${random.text(3)} ${random.text(4)}` : undefined,
    time_zone: owner.locale.zone,
    quiz_responses: random.chance(0.7) ? JSON.stringify(quiz(random)) : undefined,
    user_preferences: random.chance(0.6) ? JSON.stringify(preferences(random)) : undefined,
  });
  return profile;
}

function quiz(random: Random) {
  return {
    version: 2,
    goal: random.pick(GOALS),
    style: random.pick(STYLES),
    answers: Array.from({ length: 5 }, (_, i) => ({ question: i + 1, score: random.int(1, 5) })),
    note: random.pick(['', 'She said "maybe"', 'ñandú & co.', 'line one\nline two']),
  };
}

function preferences(random: Random) {
  return { language: random.pick(LOCALES).language, notifications: random.chance(0.5), budget: random.int(3, 30) * 10 };
}

const EXPERTISE = [
  'Relocation',
  'Business etiquette',
  'Diversity, equity and inclusion',
  'Cross-cultural teams',
  'Intercultural couples',
  'Expat families',
  'Négociation',
  'Language & accent',
];
const SENTENCES = [
  'I have lived in four countries and still pack too much.',
  'Certified since 2011; before that, a diplomat\u2019s spouse.',
  '"Listen first" is the whole method.',
  'Ich spreche auch Deutsch.',
  '日本語でも対応できます。',
];
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Fills in a coach's profile. */
export function fillCoachProfile(profile: ProfileDraft, random: Random): ProfileDraft {
  const { owner } = profile;
  Object.assign(profile.fields, {
    first_name: owner.firstName,
    last_name: owner.lastName,
    biography: random.chance(0.9) ? randomSubset(SENTENCES, random, 3).join(' ') : undefined,
    expertise_areas: randomSubset(EXPERTISE, random, 4),
    languages_spoken: randomSubset(
      unique([owner.locale.language, 'English', random.pick(LOCALES).language]),
      random,
      3,
    ),
    countries_experience: randomSubset(unique([owner.locale.country, random.pick(LOCALES).country]), random, 2),
    rate: random.int(5, 100) * 5,
    availability_data: random.chance(0.8) ? JSON.stringify(availability(random, owner.locale.zone)) : undefined,
    average_rating: random.chance(0.8) ? random.int(30, 50) / 10 : undefined,
    session_count: random.int(0, 400),
  });
  return profile;
}

function availability(random: Random, zone: string) {
  const slots = randomSubset(DAYS, random, 5).map((day) => ({
    day,
    from: `0${random.int(7, 9)}:00`,
    to: `${random.int(12, 19)}:30`,
  }));
  return { zone, slots };
}

/** One to `maxCount` of the items, in random order. */
function randomSubset<T>(items: readonly T[], random: Random, maxCount: number): T[] {
  return random.shuffle(items).slice(0, random.int(1, maxCount));
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
