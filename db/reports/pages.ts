import type pg from 'pg';
import { prepared, type Row } from '../sql.ts';

/**
 * Reads a long answer page by page, each page a statement of its own: no transaction stays open while somebody slowly
 * downloads. Not prepared under a name: a plan kept from when the run had ten records sorts a million for each page.
 * `next` gives the values that make the statement go on after a page's last row.
 */
export async function* readPages<T extends Row>(
  pool: pg.Pool,
  text: string,
  start: readonly unknown[],
  next: (last: T) => readonly unknown[],
  limit: number,
): AsyncGenerator<T[]> {
  for (let values = start; ; ) {
    const rows = await prepared<T>(pool, undefined, text, [...values, limit]);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (!last || rows.length < limit) return;
    values = next(last);
  }
}
