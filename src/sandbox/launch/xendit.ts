import { z } from 'zod';
import { Clock, WindowLimiter } from '../core/clock.ts';
import type { FaultRule, RequestDescriptor } from '../core/faults.ts';
import { type RunningSandbox, startSandbox } from '../core/sandbox.ts';
import { type Answer, jsonAnswer, type SandboxRequest, type Upstream, type UpstreamResult } from '../core/upstream.ts';
import { generateLaunch, type LaunchManifest, launchOptions } from './generate.ts';
import { applyDataFaults, LaunchStore, type Row, selectPage } from './store.ts';

type XenditSettings = { ratePerMinute: number; latencyMs: number };

/** A running server that behaves like Xendit's API. */
export interface XenditSandbox extends Omit<RunningSandbox<LaunchStore<XenditKind>, XenditSettings>, 'origin'> {
  /** The value for `XENDIT_API_URL`. */
  readonly url: string;
  readonly secretKey: string;
  /** Describes the data as generated, without later changes. */
  readonly manifest: LaunchManifest;
}

/** Generates a business's payments and serves them. Rejects on an invalid option, or when the port is taken. */
export async function startXenditSandbox(options: XenditSandboxOptions = {}): Promise<XenditSandbox> {
  const config = xenditOptionsSchema.parse(options);
  const { transactions, invoices, manifest } = generateLaunch(config);
  const clock = new Clock();
  const { latencyMs, ratePerMinute, secretKey } = config;
  const settings = { latencyMs, ratePerMinute };
  // Oldest first: records created while a client reads are at the end.
  const order = (a: { id: unknown; created?: unknown }, b: { id: unknown; created?: unknown }) =>
    [String(a.created), String(a.id)].join() < [String(b.created), String(b.id)].join() ? -1 : 1;
  const data = new LaunchStore<XenditKind>({ transaction: transactions, invoice: invoices }, order);
  const limits = new EndpointLimits(() => settings.ratePerMinute, clock);
  const upstream = xenditApi({ data, limits, secretKey, now: () => clock.iso() });
  const { origin, ...running } = await startSandbox(config, { upstream, clock, data, settings, manifest });
  return { url: origin, secretKey, manifest, ...running };
}

const xenditOptionsSchema = z.strictObject({
  ...launchOptions,
  /** Requests in any sixty seconds for each endpoint; 0 for no limit. Xendit: 60 in test mode, 600 live. */
  ratePerMinute: z.int().min(0).default(600),
  secretKey: z.string().startsWith('xnd_').default('xnd_production_sandbox'),
});

type XenditSandboxOptions = z.input<typeof xenditOptionsSchema>;

// The API.

type XenditKind = 'transaction' | 'invoice';

interface XenditApiDeps {
  readonly data: LaunchStore<XenditKind>;
  readonly limits: EndpointLimits;
  readonly secretKey: string;
  readonly now: () => string;
}

const ERROR_CODES: Readonly<Record<number, string>> = {
  429: 'RATE_LIMIT_EXCEEDED',
  500: 'SERVER_ERROR',
  503: 'SERVICE_UNAVAILABLE',
};
const PATHS: Readonly<Record<XenditKind, string>> = { transaction: '/transactions', invoice: '/v2/invoices' };
// Xendit reduces a larger limit without any indication.
const MAX_PAGE_ROWS: Readonly<Record<XenditKind, number>> = { transaction: 50, invoice: 100 };

/** Xendit's lists of transactions and invoices. */
function xenditApi(deps: XenditApiDeps): Upstream {
  return {
    name: 'xendit',
    describeRequest,
    errorAnswer: (status, message) => errorAnswer(status, ERROR_CODES[status] ?? 'SERVER_ERROR', message),
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

/** `GET /transactions`: oldest first. */
function transactions(
  { query }: SandboxRequest,
  faults: readonly FaultRule[],
  deps: XenditApiDeps,
  touched: string[],
): Answer {
  const limit = limitOf(query, 'transaction');
  const after = query.get('after_id');
  const matchingRows = () => filterRows(deps.data.list('transaction'), query);
  touched.push(...applyDataFaults({ rows: matchingRows(), after }, faults, dataFaultHandler('transaction', deps)));
  // The cursor's record may no longer match the filter, so paging is by its position in the unfiltered list.
  const all = deps.data.list('transaction');
  const position = after === null ? -1 : all.findIndex(({ id }) => id === after);
  if (after !== null && position === -1)
    return errorAnswer(400, 'API_VALIDATION_ERROR', `after_id: no transaction ${after}`);
  const passed = new Set(all.slice(0, position + 1).map(({ id }) => id));
  const rows = matchingRows();
  const lastPassed = rows.filter(({ id }) => passed.has(id)).at(-1);
  const page = selectPage({ rows, after: lastPassed === undefined ? null : String(lastPassed.id), limit }, faults) ?? {
    rows: [],
    hasMore: false,
  };
  const last = page.rows.at(-1);
  const next = `/transactions?limit=${limit}&after_id=${last?.id}`;
  const links = page.hasMore ? [{ href: next, rel: 'next', method: 'GET' }] : [];
  return jsonAnswer(200, { has_more: page.hasMore, data: page.rows, links });
}

/** `GET /v2/invoices`: an array without an envelope; a page shorter than the limit is the last. */
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
    // A copy with the same time, so that it is next to the original.
    return fault === 'insert' ? data.insert(kind, { ...row, id: `${row.id}-twin` }) : String(row.id);
  };
}

function limitOf(query: URLSearchParams, kind: XenditKind): number {
  const limit = Number(query.get('limit') ?? 10);
  if (!Number.isInteger(limit) || limit < 1)
    throw new RangeError(`limit: "${query.get('limit')}" is not a positive integer`);
  return Math.min(limit, MAX_PAGE_ROWS[kind]);
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
  for (const [kind, prefix] of Object.entries(PATHS) as [XenditKind, string][]) {
    if (path === prefix || path === `${prefix}/`) return { kind };
    if (path.startsWith(`${prefix}/`)) return { kind, id: decodeURIComponent(path.slice(prefix.length + 1)) };
  }
  return {};
}

// Filters of the lists.

const VALUE_FILTERS: Readonly<Record<string, string>> = {
  types: 'type',
  statuses: 'status',
  channel_categories: 'channel_category',
  reference_id: 'reference_id',
  external_id: 'external_id',
  product_id: 'product_id',
  currency: 'currency',
};
const TIME_FILTERS: Readonly<Record<string, readonly [field: string, from: boolean]>> = {
  'created[gte]': ['created', true],
  'created[lte]': ['created', false],
  'updated[gte]': ['updated', true],
  'updated[lte]': ['updated', false],
  created_after: ['created', true],
  created_before: ['created', false],
  paid_after: ['paid_at', true],
  paid_before: ['paid_at', false],
  expired_after: ['expiry_date', true],
  expired_before: ['expiry_date', false],
};

/** The rows that match the query. Throws RangeError on an invalid date. */
function filterRows(rows: readonly Row[], query: URLSearchParams): readonly Row[] {
  const tests: ((row: Row) => boolean)[] = [];
  for (const name of new Set(query.keys())) {
    const field = VALUE_FILTERS[name];
    // A parameter may be repeated, or have several values separated by commas.
    const wanted = query.getAll(name).flatMap((value) => (name.endsWith('s') ? value.split(',') : [value]));
    if (field !== undefined) tests.push((row) => wanted.includes(String(row[field])));
    const bound = TIME_FILTERS[name];
    if (bound !== undefined) tests.push(timeTest(bound, query.get(name) ?? ''));
  }
  return tests.length === 0 ? rows : rows.filter((row) => tests.every((test) => test(row)));
}

function timeTest([field, from]: readonly [string, boolean], text: string): (row: Row) => boolean {
  const limit = Date.parse(text);
  if (Number.isNaN(limit)) throw new RangeError(`${field}: "${text}" is not a date`);
  return (row) => {
    const at = Date.parse(String(row[field] ?? ''));
    return from ? at >= limit : at <= limit;
  };
}

// Rate limits.

/** A limit of requests in any minute for each endpoint, described in three headers of every answer. */
class EndpointLimits {
  readonly #perMinute: () => number;
  readonly #clock: Clock;
  readonly #limiters = new Map<string, WindowLimiter>();
  readonly #times = new Map<string, number[]>();

  constructor(perMinute: () => number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** The answer with the limit's headers, or a 429 instead. */
  admit(endpoint: string, answer: () => Answer): Answer {
    const limit = this.#perMinute();
    if (limit === 0) return answer();
    const key = `${endpoint} ${limit}`;
    const limiter = this.#limiters.get(key) ?? new WindowLimiter(limit, 60_000, this.#clock);
    this.#limiters.set(key, limiter);
    const wait = limiter.tryAcquire();
    if (wait > 0)
      return {
        ...errorAnswer(429, 'RATE_LIMIT_EXCEEDED', 'Rate limit exceeded'),
        headers: this.#headers(key, limit, wait),
      };
    this.#times.set(key, [...this.#recent(key), this.#clock.now()]);
    const admitted = answer();
    return { ...admitted, headers: { ...admitted.headers, ...this.#headers(key, limit, 0) } };
  }

  #recent(key: string): number[] {
    return (this.#times.get(key) ?? []).filter((time) => time > this.#clock.now() - 60_000);
  }

  #headers(key: string, limit: number, wait: number): Record<string, string> {
    const remaining = wait > 0 ? 0 : limit - this.#recent(key).length;
    const reset = wait > 0 ? wait / 1000 : 60;
    return {
      'content-type': 'application/json; charset=utf-8',
      'rate-limit-limit': String(limit),
      'rate-limit-remaining': String(remaining),
      'rate-limit-reset': reset.toFixed(3),
    };
  }
}

/** An error in Xendit's format. */
function errorAnswer(status: number, error_code: string, message: string): Answer {
  return jsonAnswer(status, { error_code, message });
}
