import type { EntityName } from '../entity-names.ts';
import type { BubbleParams } from '../params.ts';

// Bubble's own export, the Data API's name, and what files from elsewhere call it. Not `user_id` for profiles: there it is
// somebody else's.
const commonIds = ['unique id', '_id', 'id', 'uid', 'bubble id', 'bubble_id'];

const ownIds: Readonly<Record<EntityName, readonly string[]>> = {
  users: ['user_id'],
  client_profiles: ['client_profile_id', 'profile_id'],
  coach_profiles: ['coach_profile_id', 'profile_id'],
  bookings: ['booking_id'],
  payments: ['payment_id'],
};

/** Names the column with a record's own id may have in a file of the entity. */
export function idColumnsOf(entity: EntityName, { fieldMap }: BubbleParams): readonly string[] {
  return fieldMap?.fields?.[entity]?.id ?? [...commonIds, ...ownIds[entity]];
}
