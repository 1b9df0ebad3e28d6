import type { FaultRule } from '../../core/faults.ts';
import type { Answer, SandboxRequest } from '../../core/upstream.ts';
import { PgError } from '../pg-error.ts';
import type { Cell } from '../schema.ts';
import { parseOrder, parseSelect } from './columns.ts';
import { type ApiContext, preferenceHeaders, rowsAnswer } from './context.ts';
import { type Filter, parseFilters, selectRows } from './filters.ts';

/** `GET` and `HEAD` on a table. Row-level security hides all rows from `anon` without an error. Throws PgError. */
export function readRows(request: SandboxRequest, context: ApiContext): Answer {
  const { table, role, preferences } = context;
  const filters = parseFilters(request.query, table);
  const order = parseOrder(request.query.get('order'), table);
  const print = parseSelect(request.query.get('select'), table);
  const range = rangeOf(request, maxPageRows(context));
  applyDataFaults(filters, context);
  const needed = preferences.count ? Number.POSITIVE_INFINITY : range.offset + range.limit;
  const chosen = role === 'anon' ? [] : selectRows(table, filters, order, needed);
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

interface Range {
  readonly offset: number;
  readonly limit: number;
}

/** The requested range of rows; the header takes precedence over the parameters. `maxPageSize` reduces it without any indication. */
function rangeOf({ headers, query }: SandboxRequest, maxPageSize: number): Range {
  const header = /^(\d+)-(\d*)$/.exec(headers.range ?? '');
  if (header !== null) {
    const offset = Number(header[1]);
    const limit = header[2] === '' ? maxPageSize : Number(header[2]) - offset + 1;
    if (limit < 0)
      throw new PgError(
        'PGRST103',
        'Requested range not satisfiable',
        'The lower boundary must be lower than or equal to the upper boundary in the Range header.',
      );
    return { offset, limit: Math.min(limit, maxPageSize) };
  }
  return {
    offset: parseNonNegativeInteger(query.get('offset'), 'offset') ?? 0,
    limit: Math.min(parseNonNegativeInteger(query.get('limit'), 'limit') ?? maxPageSize, maxPageSize),
  };
}

function parseNonNegativeInteger(text: string | null, name: string): number | undefined {
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new PgError('PGRST100', `"failed to parse ${name} parameter (${text})" (line 1, column 1)`);
}

/** `0-24/3573458` or `0-24/*`, with a star before the slash when the page is empty. */
function contentRange({ offset }: Range, shown: number, total: number | undefined): string {
  const rows = shown > 0 ? `${offset}-${offset + shown - 1}` : '*';
  return `${rows}/${total ?? '*'}`;
}

// Faults.

/** Simulates concurrent changes: inserts, deletes or changes rows on one side of the page's lower bound before the page is selected. */
function applyDataFaults(filters: readonly Filter[], context: ApiContext): void {
  for (const rule of context.faults) {
    if (rule.fault !== 'insert' && rule.fault !== 'delete' && rule.fault !== 'modify') continue;
    for (let i = 0; i < (rule.count ?? 1); i++) applyDataFault(rule, filters, context);
  }
}

function applyDataFault(
  rule: FaultRule,
  filters: readonly Filter[],
  { table, random, clock, touched }: ApiContext,
): void {
  const above = filters.find((filter) => filter.above?.column === table.schema.key)?.above;
  const boundary = above === undefined ? 0 : table.lowerBoundIndex(above.value, above.strictly);
  const [low, high] = rule.position === 'after' ? [boundary, table.size - 1] : [0, boundary - 1];
  const row = high < low ? undefined : table.rows()[random.int(low, high)];
  if (row === undefined) return;
  const key = table.keyOf(row);
  if (rule.fault === 'delete') table.delete(row);
  if (rule.fault === 'modify') table.update(row, { updated_at: clock.now() * 1000 });
  if (rule.fault === 'insert') {
    const last = table.rows().at(-1)?.[table.schema.key] as Cell;
    const copy = { ...row, [table.schema.key]: typeof last === 'bigint' ? last + 1n : `${String(last)}0` };
    touched.push(table.keyOf(table.insert(copy)));
    return;
  }
  touched.push(key);
}

/** The maximum number of rows in a page; a fault may reduce it. */
function maxPageRows({ settings, faults }: ApiContext): number {
  return faults.reduce(
    (size, rule) => (rule.fault === 'clamp' ? Math.min(size, rule.limit ?? 37) : size),
    settings.maxRows,
  );
}
