import { CsvError } from 'csv-parse';
import { DroverError } from '../../errors.ts';

const remedy = 'Correct the line, or export the file again as CSV in UTF-8; nothing of the file was taken.';

// What csv-parse finds wrong, in words for the person who has the file open in a spreadsheet.
const faultDescriptions: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is opened and never closed',
  INVALID_OPENING_QUOTE: 'a quotation mark stands in the middle of a cell that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'there is text after a closing quotation mark',
  CSV_MAX_RECORD_SIZE: 'one row is larger than 64 MB, so a quotation mark is probably never closed',
};

/** A refusal of the whole file, with the line at fault. */
export function fileError(path: string, line: number, fault: string): DroverError {
  return new DroverError('SOURCE_FILE', `${path}, line ${line}: ${fault}`, { remedy });
}

/**
 * What was thrown while a file was read, as a refusal of the file. `linesBefore` are the lines that lie before the
 * place where reading began. Row contents stay out of the message: they may be personal.
 */
export function toFileError(thrown: unknown, path: string, linesBefore: number): unknown {
  if (thrown instanceof DroverError) return thrown;
  if (thrown instanceof CsvError) return fileError(path, linesBefore + lineOf(thrown), describeFault(thrown));
  return toFileSystemError(thrown, path);
}

/** A file system error as SOURCE_FILE; anything else as it is. */
export function toFileSystemError(thrown: unknown, path: string): unknown {
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  if (code === 'EACCES' || code === 'EPERM') return cannotRead(path, 'may not be read by this process', thrown);
  if (code === 'EISDIR') return cannotRead(path, 'is a directory', thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') return cannotRead(path, 'does not exist', thrown);
  return thrown;
}

function cannotRead(path: string, what: string, cause: unknown): DroverError {
  return new DroverError('SOURCE_FILE', `${path} ${what}`, { cause });
}

function lineOf(error: CsvError): number {
  const { lines } = error as { lines?: unknown };
  return typeof lines === 'number' ? lines : 1;
}

function describeFault(error: CsvError): string {
  return faultDescriptions[error.code] ?? 'the row is not valid CSV';
}
