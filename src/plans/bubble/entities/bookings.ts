import type { Entity } from '../../../plan/contract.ts';
import { createTransform, recordSchema, timestampColumns } from '../entity.ts';
import { rejectOutcome, rowOutcome } from '../row.ts';
import { openSource } from '../sources.ts';
import { fillTimestamps } from '../stamps.ts';

/** Sessions of a client with a coach. */
export const bookings = {
  title: 'Bookings',
  dependsOn: ['users'],
  source: openSource,
  schema: recordSchema,
  transform: createTransform('bookings', (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    fillTimestamps(draft, sourceId);
    const { client_id: client, coach_id: coach } = draft.references;
    if (client?.sourceId === coach?.sourceId) draft.notes.push('coach_id: client and coach are the same user');
    return rowOutcome(draft);
  }),
  target: {
    kind: 'postgres',
    table: 'bookings',
    columns: {
      client_id: { type: 'uuid', references: 'users' },
      coach_id: { type: 'uuid', references: 'users' },
      session_datetime: { type: 'timestamptz' },
      duration_minutes: { type: 'integer' },
      status: { type: 'text' },
      ...timestampColumns,
    },
  },
} satisfies Entity;
