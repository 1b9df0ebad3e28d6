import type { Random } from '../../core/random.ts';
import { LOCALES } from './locales.ts';
import { type ProfileDraft, randomPhotoUrl } from './profile-draft.ts';

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
