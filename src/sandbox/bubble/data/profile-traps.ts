import type { Random } from '../../core/random.ts';
import { EXPERTISE_ARCHIVE } from './expertise-archive.ts';
import { deletedRecordId } from './parents.ts';
import type { ProfileDraft } from './profile-draft.ts';
import type { Traps } from './traps.ts';

/** Profiles of either kind that must be rejected. */
export const PROFILE_DEFECTS: Traps<ProfileDraft> = {
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

/** Coaches' profiles that must be rejected. The bounds are 25 and 500, both allowed. */
export const COACH_DEFECTS: Traps<ProfileDraft> = {
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

export const NAME_TRAPS: Traps<ProfileDraft> = {
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

export const CLIENT_TRAPS: Traps<ProfileDraft> = {
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

export const RATE_TRAPS: Traps<ProfileDraft> = {
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

export const LIST_TRAPS: Traps<ProfileDraft> = {
  'list-as-text': { perThousand: 40, appliesTo: hasField('languages_spoken'), apply: listAsText },
  'list-very-long': { perThousand: 3, apply: (profile) => setFields(profile, { expertise_areas: EXPERTISE_ARCHIVE }) },
};

export const COACH_TRAPS: Traps<ProfileDraft> = {
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

/** Returns the JSON that two decodings reveal. */
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
