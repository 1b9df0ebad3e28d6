import type { Plan } from '../../plan/contract.ts';
import { definePlan } from '../../plan/define-plan.ts';
import { csvExport } from './csv/files.ts';
import { bookings, clientProfiles, coachProfiles, payments, users } from './entities.ts';
import { paramsSchema, settingsSchema } from './params.ts';
import { codes, rules } from './rules.ts';

export default definePlan({
  name: 'bubble',
  version: '1.0.0',
  title: 'Bubble to PostgreSQL',
  description: 'Users, profiles, bookings and payments of a Bubble application, from its Data API or from CSV files.',
  settings: settingsSchema,
  params: paramsSchema,
  upstreams: ['bubble'],
  entities: { users, client_profiles: clientProfiles, coach_profiles: coachProfiles, bookings, payments },
  // The document migrates bookings and payments in one step called bookings, so a step has the name of one of its entities.
  steps: { profiles: ['client_profiles', 'coach_profiles'], bookings: ['bookings', 'payments'] },
  rules,
  mappingFiles: [
    { name: 'user_id_mapping.json', entity: 'users' },
    { name: 'booking_id_mapping.json', entity: 'bookings' },
  ],
  csvExport,
  codes,
} satisfies Plan);
