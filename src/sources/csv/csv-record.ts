import type { SourceRecord } from '../../plan/contract.ts';
import { fileError } from './csv-error.ts';
import type { CsvFile } from './csv-file.ts';

export interface IdOptions {
  readonly idColumns: readonly string[];
  readonly idHint?: string | undefined;
}

/** Turns rows of the file into records. Throws SOURCE_FILE when no column can be the id. */
export function recordReader(file: CsvFile, options: IdOptions): (cells: readonly string[]) => SourceRecord {
  const id = idIndex(file.columns, options.idColumns);
  if (id === -1 && file.columns.length > 0) throw missingIdColumn(file, options);
  return (cells) => ({ sourceId: (cells[id] ?? '').trim(), raw: rawOf(file.columns, cells) });
}

// fromEntries and not assignment: a column may be called __proto__.
function rawOf(columns: readonly string[], cells: readonly string[]) {
  return Object.fromEntries(columns.map((name, at) => [name, cells[at] ?? '']));
}

function idIndex(columns: readonly string[], wanted: readonly string[]): number {
  const names = columns.map(normalizedColumn);
  for (const name of wanted) {
    const at = names.indexOf(normalizedColumn(name));
    if (at !== -1) return at;
  }
  return -1;
}

function normalizedColumn(name: string): string {
  return name.trim().toLowerCase();
}

function missingIdColumn(file: CsvFile, { idColumns, idHint }: IdOptions): Error {
  const names = idColumns.map((name) => `"${name}"`).join(', ');
  const hint = idHint === undefined ? '' : `, or ${idHint}`;
  const fault = `no column holds the record's id (looked for ${names}); export it as well${hint}`;
  return fileError(file.path, file.body.line, fault);
}
