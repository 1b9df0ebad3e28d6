import { z } from 'zod';
import { type Constraint, constraintsSchema } from '../store/constraint.ts';
import type { SortKey } from '../store/sort.ts';

/** A list request, understood. */
export interface ListQuery {
  readonly cursor: number;
  readonly limit: number;
  readonly constraints: readonly Constraint[];
  readonly sort: readonly SortKey[];
  readonly random: boolean;
  readonly excludeRemaining: boolean;
}

/** The most records a page holds. More may be asked for; nobody is told that fewer come. */
export const MAX_LIMIT = 100;

const flag = z.stringbool().default(false);
const paramsSchema = z.object({
  cursor: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(0).default(MAX_LIMIT),
  constraints: json(constraintsSchema).default([]),
  sort_field: z.string().optional(),
  descending: flag,
  additional_sort_fields: json(
    z.array(z.object({ sort_field: z.string(), descending: z.boolean().default(false) })),
  ).default([]),
  exclude_remaining: flag,
});

/** Reads the query string. Throws a ZodError that names what is wrong. */
export function parseListQuery(params: URLSearchParams): ListQuery {
  const given = paramsSchema.parse(Object.fromEntries(params));
  const random = given.sort_field === '_random_sorting';
  const first: SortKey = { field: given.sort_field ?? 'Created Date', descending: given.descending };
  const more = given.additional_sort_fields.map((key) => ({ field: key.sort_field, descending: key.descending }));
  return {
    cursor: given.cursor,
    limit: Math.min(given.limit, MAX_LIMIT),
    constraints: given.constraints,
    sort: random ? [] : [first, ...more],
    random,
    excludeRemaining: given.exclude_remaining,
  };
}

/** JSON inside a query parameter. */
function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
}
