import { ZodError, z } from 'zod';
import type { FaultRule } from '../../core/faults.ts';
import { type Answer, jsonAnswer } from '../../core/upstream.ts';
import { type Constraint, constraintsSchema, type SortKey } from '../query.ts';
import { type BubbleType, queryableFields, type Row } from '../schema.ts';
import { isHidden } from '../store.ts';
import { type ApiContext, badRequest, unrecognizedField } from './context.ts';

/** `GET /obj/<type>`: a page at an integer offset. */
export function list(type: BubbleType, params: URLSearchParams, context: ApiContext): Answer {
  let query: ListQuery;
  try {
    query = parseListQuery(params);
  } catch (cause) {
    return badRequest(`Invalid parameters: ${cause instanceof ZodError ? z.prettifyError(cause) : String(cause)}`);
  }
  const stranger = unknownField(type, query);
  if (stranger !== undefined) return unrecognizedField(stranger);
  applyDataFaults(type, query, context);
  return jsonAnswer(200, { response: page(selectRows(type, query, context), query, context) });
}

function page(rows: readonly Row[], query: ListQuery, context: ApiContext) {
  const { start, limit } = applyPageFaults(query, context.faults);
  const beyondWall = query.cursor + query.limit > context.wall;
  const results = beyondWall ? [] : rows.slice(start, start + limit);
  const served = beyondWall ? query.cursor : query.cursor + results.length;
  const remaining = Math.max(0, rows.length - served);
  return { cursor: query.cursor, results, count: results.length, ...(query.excludeRemaining ? {} : { remaining }) };
}

function selectRows(type: BubbleType, query: ListQuery, context: ApiContext): readonly Row[] {
  const rows = context.data.table(type).select(query.sort, query.constraints);
  const seen = context.hiddenShare > 0 ? rows.filter((row) => !isHidden(row._id, context.hiddenShare)) : rows;
  return query.random ? context.random.shuffle(seen) : seen;
}

function unknownField(type: BubbleType, query: ListQuery): string | undefined {
  const known = queryableFields(type);
  const used = [...query.constraints.map(({ key }) => key), ...query.sort.map(({ field }) => field)];
  return used.find((name) => !known.has(name));
}

/** A list request, understood. */
interface ListQuery {
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

/** Where the page starts and how many it holds, once faults have had their say. */
function applyPageFaults(query: ListQuery, faults: readonly FaultRule[]): { start: number; limit: number } {
  let start = query.cursor;
  let limit = query.limit;
  for (const rule of faults) {
    // Fewer than the documented hundred: a client must advance by what it got.
    if (rule.fault === 'clamp') limit = Math.min(limit, rule.limit ?? 37);
    if (rule.fault === 'repeat-page') start = Math.max(0, query.cursor - query.limit);
  }
  return { start, limit };
}

/** Other people at work: inserts, deletes and changes records just before the page is cut. */
function applyDataFaults(type: BubbleType, query: ListQuery, context: ApiContext): void {
  for (const rule of context.faults) {
    if (rule.fault !== 'insert' && rule.fault !== 'delete' && rule.fault !== 'modify') continue;
    for (let i = 0; i < (rule.count ?? 1); i++) {
      const row = pickFaultRow(type, query, rule, context);
      if (row !== undefined) context.touched.push(applyDataFault(type, rule, row, context));
    }
  }
}

/** A row on the asked side of the cursor; before the cursor, later offsets shift. */
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
  // A twin with the same dates, so that it lands beside its model whatever the order.
  return context.data.insert(type, { ...row, _id: undefined });
}
