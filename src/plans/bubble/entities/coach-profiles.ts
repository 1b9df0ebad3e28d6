import type { Entity } from '../../../plan/contract.ts';
import { recordSchema, timestampColumns } from '../entity.ts';
import { profileMerge, profileTransform } from '../profile.ts';
import { openSource } from '../sources.ts';

/** What coaches offer. */
export const coachProfiles = {
  title: 'Coach profiles',
  dependsOn: ['users'],
  source: openSource,
  schema: recordSchema,
  transform: profileTransform('coach_profiles'),
  target: {
    kind: 'postgres',
    table: 'coach_profiles',
    naturalKey: ['user_id'],
    columns: {
      user_id: { type: 'uuid', unique: true, references: 'users' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      bio: { type: 'text', nullable: true },
      expertise: { type: 'text[]', nullable: true },
      languages: { type: 'text[]', nullable: true },
      countries: { type: 'text[]', nullable: true },
      hourly_rate: { type: 'numeric(10,2)', nullable: true },
      availability: { type: 'jsonb', nullable: true },
      rating: { type: 'numeric(3,2)', nullable: true },
      total_sessions: { type: 'integer', nullable: true },
      ...timestampColumns,
    },
  },
  merge: profileMerge,
} satisfies Entity;
