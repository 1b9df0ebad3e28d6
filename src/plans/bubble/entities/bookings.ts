import type { Entity } from '../../../plan/contract.ts';
import { anyRecord, stampColumns, transformOf } from '../entity.ts';
import { rejectOutcome, rowOutcome } from '../row.ts';
import { sourceOf } from '../sources.ts';
import { completeStamps } from '../stamps.ts';

/** Sessions of a client with a coach. */
export const bookings = {
  title: 'Bookings',
  dependsOn: ['users'],
  source: sourceOf,
  schema: anyRecord,
  transform: transformOf('bookings', (draft, { sourceId }) => {
    if (draft.fault !== undefined) return rejectOutcome(draft.fault);
    completeStamps(draft, sourceId);
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
      ...stampColumns,
    },
  },
} satisfies Entity;
