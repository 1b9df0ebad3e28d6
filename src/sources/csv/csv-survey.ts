import { type CsvFile, readRows } from './csv-file.ts';

// One small number a file; enough for every file of several plans.
const maxCachedCounts = 64;
const rowCounts = new Map<string, number>();

/**
 * How many rows the file has. Reads it all, and throws SOURCE_FILE at the first fault: a file that is broken in its
 * last line must be refused before its first row is taken. Known again as long as the file is not touched.
 */
export async function countRows(file: CsvFile, signal: AbortSignal): Promise<number> {
  const key = `${file.path}\n${file.size}\n${file.modifiedMs}`;
  const known = rowCounts.get(key);
  if (known !== undefined) return known;
  let rows = 0;
  for await (const _row of readRows(file, file.body, signal)) rows++;
  if (rowCounts.size >= maxCachedCounts) rowCounts.clear();
  rowCounts.set(key, rows);
  return rows;
}
