import type { JsonObject } from '../../../plan/json.ts';
import { collectColumns, orderColumns, toCsvRow } from '../../../sources/csv/csv-export.ts';
import { type EntityName, entityNames } from '../entity-names.ts';
import { csvNoteKey } from './csv-note.ts';

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
export function fileNameOf(entity: EntityName): string {
  return `${entity}.csv`;
}

function csvFormatOf(entity: EntityName): CsvExport {
  return {
    fileName: fileNameOf(entity),
    collectColumns,
    header: (columns) =>
      orderColumns(
        [...columns].filter((name) => name !== csvNoteKey),
        firstColumns,
      ),
    toCsvRow,
  };
}

/** The five files. Reading one gives the same rows as reading the API did. */
export const csvExport = Object.fromEntries(entityNames.map((entity) => [entity, csvFormatOf(entity)])) as Readonly<
  Record<EntityName, CsvExport>
>;
