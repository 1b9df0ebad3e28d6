import { DroverError } from '../../errors.ts';

/** One page of rows that were asked for with one more than the page holds: that one says that there is a next page. */
export function pageFrom<Row, View>(
  rows: readonly Row[],
  limit: number,
  toView: (row: Row) => View,
  nameOf: (row: Row) => string,
): { items: View[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(toView), nextCursor: more ? Buffer.from(nameOf(last)).toString('base64url') : null };
}

/** What a cursor made by `pageFrom` names. Throws BAD_REQUEST for anything else. */
export function decodeCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const name = Buffer.from(cursor, 'base64url').toString();
  if (/^[\w-]+$/.test(name)) return name;
  throw new DroverError('BAD_REQUEST', 'the cursor is none of ours', {
    field: 'query.cursor',
    remedy: 'Use `nextCursor` of the page before, as it is.',
  });
}
