import { z } from 'zod';
import { problemSchema } from '../problems/problem.ts';

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
