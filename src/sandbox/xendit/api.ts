import type { RequestDescriptor } from '../core/fault-plan.ts';
import type { FaultRule } from '../core/fault-rule.ts';
import { type Answer, jsonAnswer, type SandboxRequest } from '../core/message.ts';
import type { Upstream, UpstreamResult } from '../core/upstream.ts';
import { applyDataFaults, selectPage } from '../launch/page.ts';
import type { LaunchStore, Row } from '../launch/store.ts';
import { filterRows } from './filters.ts';
import { type EndpointLimits, errorAnswer } from './limits.ts';

export type XenditKind = 'transaction' | 'invoice';

export interface XenditApiDeps {
  readonly data: LaunchStore<XenditKind>;
  readonly limits: EndpointLimits;
  readonly secretKey: string;
  readonly now: () => string;
}

const codes: Readonly<Record<number, string>> = {
  429: 'RATE_LIMIT_EXCEEDED',
  500: 'SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
};
const paths: Readonly<Record<XenditKind, string>> = { transaction: '/transactions', invoice: '/v2/invoices' };
// Xendit cuts larger pages without a word.
const MAX_PAGE_ROWS: Readonly<Record<XenditKind, number>> = { transaction: 50, invoice: 100 };

/** Xendit's lists of transactions and invoices. */
export function xenditApi(deps: XenditApiDeps): Upstream {
  return {
    name: 'xendit',
    describeRequest: describeRequest,
    errorAnswer: (status, message) => errorAnswer(status, codes[status] ?? 'SERVER_ERROR', message),
    handle(request, faults) {
      const touched: string[] = [];
      const { resource } = describeRequest(request);
      if (!isAuthorized(request, deps.secretKey))
        return { answer: errorAnswer(401, 'INVALID_API_KEY', 'API key is not authorized'), touched };
      return {
        answer: deps.limits.admit(resource, () => route(request, faults, deps, touched)),
        touched,
      } satisfies UpstreamResult;
    },
  };
}

function route(request: SandboxRequest, faults: readonly FaultRule[], deps: XenditApiDeps, touched: string[]): Answer {
  const { kind, id } = parsePath(request.path);
  if (kind === undefined || request.method !== 'GET')
    return errorAnswer(404, 'NOT_FOUND', `no endpoint ${request.path}`);
  if (id !== undefined) return recordAnswer(deps.data.get(kind, id), kind);
  try {
    return kind === 'transaction'
      ? transactions(request, faults, deps, touched)
      : invoices(request, faults, deps, touched);
  } catch (cause) {
    return errorAnswer(400, 'API_VALIDATION_ERROR', cause instanceof Error ? cause.message : String(cause));
  }
}

function recordAnswer(row: Row | undefined, kind: XenditKind): Answer {
  return row === undefined
    ? errorAnswer(404, kind === 'invoice' ? 'INVOICE_NOT_FOUND_ERROR' : 'DATA_NOT_FOUND', 'not found')
    : jsonAnswer(200, row);
}

function transactions(
  { query }: SandboxRequest,
  faults: readonly FaultRule[],
  deps: XenditApiDeps,
  touched: string[],
): Answer {
  const limit = limitOf(query, 'transaction');
  const after = query.get('after_id');
  const look = () => filterRows(deps.data.list('transaction'), query);
  touched.push(...applyDataFaults({ rows: look(), after }, faults, dataFaultHandler('transaction', deps)));
  // A cursor may have left the filter since: paging is by place in the whole list.
  const whole = deps.data.list('transaction');
  const place = after === null ? -1 : whole.findIndex(({ id }) => id === after);
  if (after !== null && place === -1)
    return errorAnswer(400, 'API_VALIDATION_ERROR', `after_id: no transaction ${after}`);
  const seen = new Set(whole.slice(0, place + 1).map(({ id }) => id));
  const rows = look();
  const behind = rows.filter(({ id }) => seen.has(id)).at(-1);
  const page = selectPage({ rows, after: behind === undefined ? null : String(behind.id), limit }, faults) ?? {
    rows: [],
    hasMore: false,
  };
  const last = page.rows.at(-1);
  const next = `/transactions?limit=${limit}&after_id=${last?.id}`;
  const links = page.hasMore ? [{ href: next, rel: 'next', method: 'GET' }] : [];
  return jsonAnswer(200, { has_more: page.hasMore, data: page.rows, links });
}

/** A bare array; a page shorter than the limit is the last. */
function invoices(
  { query }: SandboxRequest,
  faults: readonly FaultRule[],
  deps: XenditApiDeps,
  touched: string[],
): Answer {
  const after = query.get('last_invoice');
  touched.push(
    ...applyDataFaults(
      { rows: filterRows(deps.data.list('invoice'), query), after },
      faults,
      dataFaultHandler('invoice', deps),
    ),
  );
  const page = selectPage(
    { rows: filterRows(deps.data.list('invoice'), query), after, limit: limitOf(query, 'invoice') },
    faults,
  );
  return page === undefined
    ? errorAnswer(400, 'API_VALIDATION_ERROR', `last_invoice: no invoice ${after}`)
    : jsonAnswer(200, page.rows);
}

function dataFaultHandler(kind: XenditKind, { data, now }: XenditApiDeps) {
  return (fault: 'insert' | 'delete' | 'modify', row: Row): string => {
    if (fault === 'delete') data.delete(kind, String(row.id));
    if (fault === 'modify') data.modify(kind, String(row.id), { updated: now() });
    // A twin of the same moment, so that it lands beside its model.
    return fault === 'insert' ? data.insert(kind, { ...row, id: `${row.id}-twin` }) : String(row.id);
  };
}

function limitOf(query: URLSearchParams, kind: XenditKind): number {
  const asked = Number(query.get('limit') ?? 10);
  if (!Number.isInteger(asked) || asked < 1)
    throw new RangeError(`limit: "${query.get('limit')}" is not a number above 0`);
  return Math.min(asked, MAX_PAGE_ROWS[kind]);
}

function isAuthorized(request: SandboxRequest, secretKey: string): boolean {
  const expected = `Basic ${Buffer.from(`${secretKey}:`).toString('base64')}`;
  return request.headers.authorization === expected;
}

function describeRequest(request: SandboxRequest): RequestDescriptor {
  const { kind, id } = parsePath(request.path);
  return { method: request.method, operation: id === undefined ? 'list' : 'get', resource: kind ?? '' };
}

function parsePath(path: string): { kind?: XenditKind; id?: string } {
  for (const [kind, prefix] of Object.entries(paths) as [XenditKind, string][]) {
    if (path === prefix || path === `${prefix}/`) return { kind };
    if (path.startsWith(`${prefix}/`)) return { kind, id: decodeURIComponent(path.slice(prefix.length + 1)) };
  }
  return {};
}
