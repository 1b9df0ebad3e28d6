import { pipeline } from 'node:stream';
import { type Info, type Options, parse } from 'csv-parse';
import type { Dialect } from './csv-dialect.ts';
import { toFileError } from './csv-error.ts';
import { utf8Chunks } from './csv-text.ts';

/** A place between two rows: bytes and lines that lie before it. */
export interface FilePosition {
  readonly byte: number;
  readonly line: number;
}

export interface CsvRow {
  readonly cells: readonly string[];
  /** Where the next row begins. */
  readonly next: FilePosition;
}

// Every kind of line end at once: files are glued together from parts, and the kind a parser finds out by itself
// could differ between the whole file and a part of it.
const lineEnds = ['\r\n', '\n', '\r'];
const maxRowBytes = 64 * 1024 * 1024;

/**
 * The rows from a position on, one by one, with memory for a few hundred. Rows without any text are passed over:
 * spreadsheets leave them behind. `most` ends the work early: without it the parser runs ahead of its reader by what
 * fits in a chunk. Throws SOURCE_FILE with the line when the text is not CSV.
 */
export async function* parseRows(
  path: string,
  dialect: Dialect,
  from: FilePosition,
  signal: AbortSignal,
  most?: number,
): AsyncGenerator<CsvRow> {
  const parser = parse({ ...optionsOf(dialect), ...(most === undefined ? {} : { to: most }) });
  // What fails in the pipeline destroys the parser, and so reaches the loop below.
  pipeline(utf8Chunks(path, from.byte, signal), parser, () => {});
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      yield { cells: record, next: { byte: from.byte + info.bytes, line: from.line + info.lines } };
    }
  } catch (thrown) {
    throw toFileError(thrown, path, from.line);
  } finally {
    parser.destroy();
  }
}

function optionsOf({ delimiter }: Dialect): Options {
  return {
    delimiter,
    record_delimiter: lineEnds,
    bom: false,
    info: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    relax_column_count: true,
    max_record_size: maxRowBytes,
  };
}
