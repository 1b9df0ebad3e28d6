import { join, resolve } from 'node:path';
import type { Source, SourceContext } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { createCsvSource } from '../../sources/csv/csv-source.ts';
import { fileOf } from './csv-export.ts';
import type { EntityName } from './entity-names.ts';
import type { BubbleParams } from './params.ts';

const defaultDirectory = './migration_data';

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

/** The records of a CSV file: one that `drover export` wrote, or one of Bubble's own export. */
export function fileSource(entity: EntityName, params: BubbleParams, { settings }: SourceContext): Source {
  const directory = resolve(params.exportDir ?? settings.MIGRATION_EXPORT_DIR ?? defaultDirectory);
  return createCsvSource({
    path: join(directory, fileOf(entity)),
    idColumns: params.fieldMap?.fields?.[entity]?.id ?? [...commonIds, ...ownIds[entity]],
    madeBy: '`drover export bubble`',
    changedAt,
  });
}

/** The record's own time of change, where the file has it with its zone. */
function changedAt(raw: JsonObject): string | undefined {
  const text = raw['Modified Date'];
  return typeof text === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? text : undefined;
}
