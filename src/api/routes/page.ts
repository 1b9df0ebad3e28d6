import type { Page } from '../../engine/control/contract.ts';
import { DroverError } from '../../errors.ts';

/** One page of rows that were asked for with one more than the page holds: that one says that there is a next page. */
export function toPage<Row, View>(
  rows: readonly Row[],
  limit: number,
  toView: (row: Row) => View,
  cursorOf: (row: Row) => string,
): { items: View[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(toView), nextCursor: more ? encodeCursor(cursorOf(last)) : null };
}

/** A page of the engine, with a cursor nobody takes for something to make up himself. */
export function encodePage<T>(page: Page<T>): Page<T> {
  return { items: page.items, nextCursor: page.nextCursor === null ? null : encodeCursor(page.nextCursor) };
}

/** What a cursor made here names. Throws BAD_REQUEST for anything else. */
export function decodeCursor(cursor: string | undefined, pattern: RegExp = /^[\w-]{1,100}$/): string | undefined {
  if (cursor === undefined) return undefined;
  const name = Buffer.from(cursor, 'base64url').toString();
  if (pattern.test(name)) return name;
  throw new DroverError('BAD_REQUEST', 'the cursor is none of ours', {
    field: 'query.cursor',
    remedy: 'Use `nextCursor` of the page before, as it is.',
  });
}

/** Names that are numbers. */
export const numericCursor = /^\d{1,18}$/;

function encodeCursor(name: string): string {
  return Buffer.from(name).toString('base64url');
}
