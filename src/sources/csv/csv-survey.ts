import { type CsvFile, rowsOf } from './csv-file.ts';

// One small number a file; enough for every file of several plans.
const maxKept = 64;
const kept = new Map<string, number>();

/**
 * How many rows the file has. Reads it all, and throws SOURCE_FILE at the first fault: a file that is broken in its
 * last line must be refused before its first row is taken. Known again as long as the file is not touched.
 */
export async function surveyCsv(file: CsvFile, signal: AbortSignal): Promise<number> {
  const key = `${file.path}\n${file.size}\n${file.modifiedMs}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  let rows = 0;
  for await (const _row of rowsOf(file, file.body, signal)) rows++;
  if (kept.size >= maxKept) kept.clear();
  kept.set(key, rows);
  return rows;
}
