import { ZodError, z } from 'zod';
import { type Answer, jsonAnswer } from '../../core/message.ts';
import type { Row } from '../row.ts';
import { type BubbleType, queryableFields } from '../schema.ts';
import { isHidden } from '../store/bubble-data.ts';
import type { ApiContext } from './context.ts';
import { type ListQuery, parseListQuery } from './list-query.ts';
import { applyDataFaults, applyPageFaults } from './page-faults.ts';
import { badRequest, unrecognizedField } from './refusals.ts';

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
