import { z } from 'zod';
import type { Page } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import { problemSchema } from '../problems.ts';

/** Text a person gives: not empty, no control characters (PostgreSQL refuses NUL, terminals obey the rest). */
export const textSchema = (maxLength: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}]*$/u, { error: 'no control characters' });

export const reasonSchema = textSchema(500).describe('Why; kept in the audit log');

/** The body of a change that needs nothing but its reason. */
export const reasonBody = z.strictObject({ reason: reasonSchema });
/** The body of a change that may say why; the body itself may be missing. */
export const optionalReasonBody = z.strictObject({ reason: reasonSchema.optional() }).nullish();

export const idSchema = z.string().min(1).max(200);
export const runParams = z.strictObject({ id: idSchema.describe('Id of the run') });

export const pageQuery = {
  cursor: z.string().min(1).max(1_000).optional().describe('`nextCursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(500).optional().describe('Items a page, at the most'),
};

/** A page of a list. `nextCursor` is null on the last one. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item).readonly(), nextCursor: z.string().nullable() });

const problemResponse = {
  description: 'A problem',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** What a route answers: its own, and problems. */
export function responses<T extends Record<number, unknown>>(own: T) {
  return { ...own, '4xx': problemResponse, '5xx': problemResponse };
}

export const idempotencyHeader = z.looseObject({
  'idempotency-key': z.string().optional().describe('The same key and body within a day get the first answer again'),
});

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
