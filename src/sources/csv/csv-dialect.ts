import { open } from 'node:fs/promises';
import { fileError, toFileSystemError } from './csv-error.ts';

/** How a file is written, as its first bytes tell. */
export interface Dialect {
  readonly delimiter: string;
  /** Where the header begins: after a byte order mark and Excel's `sep=` line. */
  readonly start: number;
  readonly startLine: number;
}

const headBytes = 64 * 1024;
const delimiters = [',', ';', '\t', '|'];

/** Looks at the head of the file. Throws SOURCE_FILE when it is not CSV in UTF-8. */
export async function detectDialect(path: string): Promise<Dialect> {
  const head = await readHead(path);
  rejectOtherFormats(path, head);
  const bom = head.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? 3 : 0;
  const text = head.toString('utf8', bom);
  const hint = /^sep=(.)\r?\n/i.exec(text);
  if (hint?.[1] !== undefined) return { delimiter: hint[1], start: bom + Buffer.byteLength(hint[0]), startLine: 1 };
  return { delimiter: mostFrequentDelimiter(firstRow(text)), start: bom, startLine: 0 };
}

async function readHead(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw toFileSystemError(thrown, path);
  }
}

function rejectOtherFormats(path: string, head: Buffer): void {
  if (head[0] === 0xff && head[1] === 0xfe) throw fileError(path, 1, 'the file is UTF-16; save it as "CSV UTF-8"');
  if (head[0] === 0xfe && head[1] === 0xff) throw fileError(path, 1, 'the file is UTF-16; save it as "CSV UTF-8"');
  if (head.toString('latin1', 0, 4) === 'PK\u0003\u0004') {
    throw fileError(path, 1, 'the file is a workbook or an archive, not CSV; save it as "CSV UTF-8"');
  }
  if (head.includes(0)) throw fileError(path, 1, 'the file holds zero bytes, so it is not CSV in UTF-8');
}

/** The first row without what is quoted: a delimiter inside a name must not count. */
function firstRow(text: string): string {
  const bare = text.replace(/"(?:[^"]|"")*"?/g, '').trimStart();
  return bare.split(/[\r\n]/, 1)[0] ?? '';
}

function mostFrequentDelimiter(row: string): string {
  const counts = delimiters.map((delimiter) => row.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ',';
}
