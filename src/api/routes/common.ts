import { z } from 'zod';
import type { Page } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import { problemSchema } from '../problems.ts';

export const text = z.string();
export const count = z.int().min(0);
export const instant = z.string().describe('ISO 8601, UTC');

/** Text that a person writes: not empty, no control characters (PostgreSQL refuses NUL, terminals interpret the rest). */
export const textSchema = (maxLength: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .regex(/^[^\p{Cc}]*$/u, { error: 'no control characters' });

export const reasonSchema = textSchema(500).describe('Why; stored in the audit log');

/** The body of a change with a required reason. */
export const reasonBody = z.strictObject({ reason: reasonSchema });
/** The body of a change with an optional reason; the body itself may be missing. */
export const optionalReasonBody = z.strictObject({ reason: reasonSchema.optional() }).nullish();

/** Text without a zero byte, which PostgreSQL cannot store. */
export const storableText = (minLength: number, maxLength: number) =>
  z
    .string()
    .min(minLength)
    .max(maxLength)
    .regex(/^[^\0]*$/, { error: 'no zero bytes' });

export const idSchema = storableText(1, 200);
export const runParams = z.strictObject({ id: idSchema.describe('Id of the run') });

export const pageQuery = {
  cursor: z.string().min(1).max(1_000).optional().describe('`nextCursor` of the page before'),
  limit: z.coerce.number().int().min(1).max(500).optional().describe('Maximum number of items per page'),
};

/** A page of a list. `nextCursor` is null on the last one. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item).readonly(), nextCursor: z.string().nullable() });

const problemResponse = {
  description: 'A problem',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** The responses of a route: its own, and problems. */
export function responses<T extends Record<number, unknown>>(own: T) {
  return { ...own, '4xx': problemResponse, '5xx': problemResponse };
}

export const idempotencyHeader = z.looseObject({
  'idempotency-key': z.string().optional().describe('The same key and body within a day get the stored first answer'),
});

/** One page of rows that were queried with `limit + 1`: the additional row shows that there is a next page. */
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

/** A page of the engine, with its cursor encoded so that clients treat it as opaque. */
export function encodePage<T>(page: Page<T>): Page<T> {
  return { items: page.items, nextCursor: page.nextCursor === null ? null : encodeCursor(page.nextCursor) };
}

/** Decodes a cursor of `encodeCursor`. Throws BAD_REQUEST when it does not match the pattern. */
export function decodeCursor(cursor: string | undefined, pattern: RegExp = /^[\w-]{1,100}$/): string | undefined {
  if (cursor === undefined) return undefined;
  const name = Buffer.from(cursor, 'base64url').toString();
  if (pattern.test(name)) return name;
  throw new DroverError('BAD_REQUEST', 'the cursor is not valid', {
    field: 'query.cursor',
    remedy: 'Send `nextCursor` of the previous page unchanged.',
  });
}

/** Cursors that are numbers. */
export const numericCursor = /^\d{1,18}$/;

/** A cursor as clients get it. */
export function encodeCursor(name: string): string {
  return Buffer.from(name).toString('base64url');
}
