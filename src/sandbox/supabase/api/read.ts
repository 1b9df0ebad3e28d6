import type { Answer, SandboxRequest } from '../../core/message.ts';
import { PgError } from '../pg-error.ts';
import { preferenceHeaders, rowsAnswer } from './answers.ts';
import { selectRows } from './choose.ts';
import type { ApiContext } from './context.ts';
import { parseFilters } from './filter.ts';
import { parseOrder } from './order.ts';
import { applyDataFaults, maxPageRows } from './page-faults.ts';
import { contentRange, rangeOf } from './range.ts';
import { parseSelect } from './select.ts';

/** `GET` and `HEAD` on a table. Row security hides everything from `anon`, without a word. */
export function readRows(request: SandboxRequest, context: ApiContext): Answer {
  const { table, role, preferences } = context;
  const filters = parseFilters(request.query, table);
  const order = parseOrder(request.query.get('order'), table);
  const print = parseSelect(request.query.get('select'), table);
  const range = rangeOf(request, maxPageRows(context));
  applyDataFaults(filters, context);
  const enough = preferences.count ? Number.POSITIVE_INFINITY : range.offset + range.limit;
  const chosen = role === 'anon' ? [] : selectRows(table, filters, order, enough);
  const total = preferences.count ? chosen.length : undefined;
  const shown = chosen.slice(range.offset, range.offset + range.limit);
  if (total !== undefined && range.offset > total) throw outOfRange(range.offset, total);
  const headers = { 'content-range': contentRange(range, shown.length, total), ...preferenceHeaders(preferences) };
  const answer = rowsAnswer(total !== undefined && shown.length < total ? 206 : 200, shown, print, request, headers);
  return request.method === 'HEAD' ? { ...answer, body: '' } : answer;
}

function outOfRange(offset: number, total: number): PgError {
  const details = `An offset of ${offset} was requested, but there are only ${total} rows.`;
  return new PgError('PGRST103', 'Requested range not satisfiable', details);
}
