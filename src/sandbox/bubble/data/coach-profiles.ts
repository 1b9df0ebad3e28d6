import type { Random } from '../../core/random.ts';
import { LOCALES } from './locales.ts';
import type { ProfileDraft } from './profile-draft.ts';

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

/** One to `most` of the items, in no particular order. */
function randomSubset<T>(items: readonly T[], random: Random, most: number): T[] {
  return random.shuffle(items).slice(0, random.int(1, most));
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
