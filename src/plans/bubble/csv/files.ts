import { join } from 'node:path';
import type { JsonObject } from '../../../plan/json.ts';
import { collectColumns, orderColumns, toCsvRow } from '../../../sources/csv/export.ts';
import { csvFolder } from '../../../sources/csv/folder.ts';
import type { CsvSourceOptions } from '../../../sources/csv/source.ts';
import { type EntityName, entityNames } from '../entity-names.ts';
import { type BubbleParams, requiredFieldsOf } from '../params.ts';
import { isCandidate } from '../picker.ts';
import { csvNoteKey } from './note.ts';

/** How to open each file of the folder that a run starts from. */
export type ExportFolder = (entity: EntityName) => CsvSourceOptions;

/** The folder the run names, or the environment, or the usual one. */
export function exportFolder(
  params: BubbleParams,
  settings: Readonly<Record<string, string | undefined>>,
): ExportFolder {
  const folder = csvFolder(settings, params.exportDir);
  return (entity) => ({
    path: join(folder, fileNameOf(entity)),
    idColumns: idColumnsOf(entity, params),
    idHint: `name the column that holds it in the parameter fieldMap.fields.${entity}.id`,
    createdBy: '`drover export bubble`',
  });
}

// Bubble's own export, the Data API's name, and what files from elsewhere call it. Not `user_id` for profiles: there it is
// another person's.
const commonIds = ['unique id', '_id', 'id', 'uid', 'bubble id', 'bubble_id'];

const ownIds: Readonly<Record<EntityName, readonly string[]>> = {
  users: ['user_id'],
  client_profiles: ['client_profile_id', 'profile_id'],
  coach_profiles: ['coach_profile_id', 'profile_id'],
  bookings: ['booking_id'],
  payments: ['payment_id'],
};

/** Names the column with a record's own id may have in a file of the entity. */
function idColumnsOf(entity: EntityName, { fieldMap }: BubbleParams): readonly string[] {
  return fieldMap?.fields?.[entity]?.id ?? [...commonIds, ...ownIds[entity]];
}

/** How the stored raw records of one entity become a CSV file. First every record's columns, then the rows. */
export interface CsvExport {
  readonly fileName: string;
  /** Adds the record's columns to those collected so far. */
  collectColumns(columns: Set<string>, raw: JsonObject): void;
  /** The header: the order of the columns does not depend on the order of the records. */
  header(columns: ReadonlySet<string>): readonly string[];
  /** The record's cells, in the order of the header. */
  toCsvRow(raw: JsonObject, header: readonly string[]): readonly string[];
}

const firstColumns = ['_id', 'unique id', 'Created Date', 'Modified Date'];

/** The file of an entity, as the document names it. */
function fileNameOf(entity: EntityName): string {
  return `${entity}.csv`;
}

function csvFormatOf(entity: EntityName): CsvExport {
  return {
    fileName: fileNameOf(entity),
    collectColumns,
    header: (columns) => {
      const names = [...columns].filter((name) => name !== csvNoteKey);
      return orderColumns([...names, ...missingColumns(entity, names)], firstColumns);
    },
    toCsvRow,
  };
}

/**
 * Required columns that no record has. Bubble leaves empty fields out; a file without the column would be refused whole, and
 * not record by record.
 */
function missingColumns(entity: EntityName, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return requiredFieldsOf(entity, {})
    .filter((candidates) => !names.some((name) => isCandidate(name, candidates)))
    .flatMap((candidates) => candidates.find((name) => !name.includes('.')) ?? []);
}

/** The five files. Reading one gives the same rows as reading the API did. */
export const csvExport = Object.fromEntries(entityNames.map((entity) => [entity, csvFormatOf(entity)])) as Readonly<
  Record<EntityName, CsvExport>
>;
