import type { Entity } from '../../../plan/contract.ts';
import { recordSchema, timestampColumns } from '../entity.ts';
import { profileMerge, profileTransform } from '../profile.ts';
import { openSource } from '../sources.ts';

/** What clients tell of themselves. */
export const clientProfiles = {
  title: 'Client profiles',
  dependsOn: ['users'],
  source: openSource,
  schema: recordSchema,
  transform: profileTransform('client_profiles'),
  target: {
    kind: 'postgres',
    table: 'client_profiles',
    naturalKey: ['user_id'],
    columns: {
      user_id: { type: 'uuid', unique: true, references: 'users' },
      first_name: { type: 'text', nullable: true },
      last_name: { type: 'text', nullable: true },
      photo_url: { type: 'text', nullable: true },
      phone: { type: 'text', nullable: true },
      timezone: { type: 'text', nullable: true },
      quiz_data: { type: 'jsonb', nullable: true },
      preferences: { type: 'jsonb', nullable: true },
      ...timestampColumns,
    },
  },
  merge: profileMerge,
} satisfies Entity;
