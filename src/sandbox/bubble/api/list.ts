import { ZodError, z } from 'zod';
import type { FaultRule } from '../../core/faults.ts';
import { type Answer, jsonAnswer } from '../../core/upstream.ts';
import { type Constraint, constraintsSchema, type SortKey } from '../query.ts';
import { type BubbleType, queryableFields, type Row } from '../schema.ts';
import { isHidden } from '../store.ts';
import { type ApiContext, badRequest, unrecognizedField } from './context.ts';

/** `GET /obj/<type>`: a page at an integer offset. Without a sort field it is in order of `Created Date`. */
export function list(type: BubbleType, params: URLSearchParams, context: ApiContext): Answer {
  let query: ListQuery;
  try {
    query = parseListQuery(params);
  } catch (cause) {
    return badRequest(`Invalid parameters: ${cause instanceof ZodError ? z.prettifyError(cause) : String(cause)}`);
  }
  const unknownName = unknownField(type, query);
  if (unknownName !== undefined) return unrecognizedField(unknownName);
  applyDataFaults(type, query, context);
  return jsonAnswer(200, { response: page(selectRows(type, query, context), query, context) });
}

function page(rows: readonly Row[], query: ListQuery, context: ApiContext) {
  const { start, limit } = applyPageFaults(query, context.faults);
  const exceedsWall = query.cursor + query.limit > context.wall;
  const results = exceedsWall ? [] : rows.slice(start, start + limit);
  const served = exceedsWall ? query.cursor : query.cursor + results.length;
  const remaining = Math.max(0, rows.length - served);
  return { cursor: query.cursor, results, count: results.length, ...(query.excludeRemaining ? {} : { remaining }) };
}

function selectRows(type: BubbleType, query: ListQuery, context: ApiContext): readonly Row[] {
  const rows = context.data.table(type).select(query.sort, query.constraints);
  const visible = context.hiddenShare > 0 ? rows.filter((row) => !isHidden(row._id, context.hiddenShare)) : rows;
  return query.random ? context.random.shuffle(visible) : visible;
}

function unknownField(type: BubbleType, query: ListQuery): string | undefined {
  const known = queryableFields(type);
  const used = [...query.constraints.map(({ key }) => key), ...query.sort.map(({ field }) => field)];
  return used.find((name) => !known.has(name));
}

// Parameters.

/** A parsed list request. */
interface ListQuery {
  readonly cursor: number;
  readonly limit: number;
  readonly constraints: readonly Constraint[];
  readonly sort: readonly SortKey[];
  readonly random: boolean;
  readonly excludeRemaining: boolean;
}

/** The maximum number of records in a page. A larger limit is reduced without any indication. */
const MAX_LIMIT = 100;

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

/** Parses the query string. Throws ZodError on invalid parameters. */
function parseListQuery(params: URLSearchParams): ListQuery {
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

// Faults.

/** The start and the limit of the page after the faults that change pages. */
function applyPageFaults(query: ListQuery, faults: readonly FaultRule[]): { start: number; limit: number } {
  let start = query.cursor;
  let limit = query.limit;
  for (const rule of faults) {
    // Fewer records than requested: a client must advance by the number that it received.
    if (rule.fault === 'clamp') limit = Math.min(limit, rule.limit ?? 37);
    if (rule.fault === 'repeat-page') start = Math.max(0, query.cursor - query.limit);
  }
  return { start, limit };
}

/** Simulates concurrent changes: inserts, deletes or changes records just before the page is selected. */
function applyDataFaults(type: BubbleType, query: ListQuery, context: ApiContext): void {
  for (const rule of context.faults) {
    if (rule.fault !== 'insert' && rule.fault !== 'delete' && rule.fault !== 'modify') continue;
    for (let i = 0; i < (rule.count ?? 1); i++) {
      const row = pickFaultRow(type, query, rule, context);
      if (row !== undefined) context.touched.push(applyDataFault(type, rule, row, context));
    }
  }
}

/** A random row on the rule's side of the cursor. A change before the cursor shifts later offsets. */
function pickFaultRow(type: BubbleType, query: ListQuery, rule: FaultRule, context: ApiContext): Row | undefined {
  const rows = context.data.table(type).select(query.sort, query.constraints);
  const [low, high] = rule.position === 'after' ? [query.cursor, rows.length - 1] : [0, query.cursor - 1];
  const last = Math.min(high, rows.length - 1);
  return last < low ? undefined : rows[context.random.int(low, last)];
}

function applyDataFault(type: BubbleType, rule: FaultRule, row: Row, context: ApiContext): string {
  if (rule.fault === 'delete') context.data.delete(type, row._id);
  if (rule.fault === 'modify') context.data.modify(type, row._id, {});
  if (rule.fault !== 'insert') return row._id;
  // A copy with the same dates, so that it is next to the original in every order.
  return context.data.insert(type, { ...row, _id: undefined });
}
