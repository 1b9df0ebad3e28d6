import type { Clock } from '../../core/clock.ts';
import { type FaultRule, faultDelayMs } from '../../core/faults.ts';
import type { Random } from '../../core/random.ts';
import {
  type Answer,
  jsonAnswer,
  type SandboxRequest,
  type Upstream,
  type UpstreamResult,
} from '../../core/upstream.ts';
import { invalid, StripeFailure } from '../failure.ts';
import type { StripeConfig, StripeSettings } from '../options.ts';
import { canonical, type ParamTree, parseForm } from '../params.ts';
import { type EventRequest, makeEvent } from '../resources/event.ts';
import { type AccountStore, type AccountStores, OWN_ACCOUNT } from '../store.ts';
import type { IdempotencyStore } from './idempotency.ts';
import { type Limits, type ObjectLocks, throttled } from './limits.ts';
import { type Route, routeOf, runOperation } from './route.ts';

interface StripeApiDeps {
  readonly stores: AccountStores;
  readonly keys: ApiKeys;
  readonly settings: Readonly<StripeSettings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly idempotency: IdempotencyStore;
  readonly locks: ObjectLocks;
  /** Called with the id of every event, after it is stored. */
  readonly onEvent: (store: AccountStore, id: string) => void;
}

/** One request with its faults and its notes for the journal. */
interface RequestState {
  readonly request: SandboxRequest;
  readonly faults: readonly FaultRule[];
  readonly eventRequest: EventRequest;
  /** The delay of the answer, for which the idempotency key and the object stay in use. */
  readonly busyMs: number;
  readonly notes: Record<string, string>;
}

/** Stripe's API on the given stores. */
export function stripeApi(deps: StripeApiDeps): Upstream {
  return {
    name: 'stripe',
    ownFaults: ['throttle', 'unavailable', 'error', 'error-after'],
    describeRequest({ method, path }) {
      const [, name = '', id, action] = path.split('/').slice(1);
      const verb = action ?? (method === 'GET' ? 'get' : method === 'DELETE' ? 'delete' : 'update');
      const operation = id === 'search' ? 'search' : id === undefined ? (method === 'GET' ? 'list' : 'create') : verb;
      return { method, operation, resource: name };
    },
    errorAnswer: (status, message) => failureAnswer(new StripeFailure(status, message, { type: 'api_error' })),
    handle: (request, faults) => handle(request, faults, deps),
  };
}

function handle(request: SandboxRequest, faults: readonly FaultRule[], deps: StripeApiDeps): UpstreamResult {
  const key = request.method === 'POST' ? (request.headers['idempotency-key'] as string | undefined) : undefined;
  const eventRequest = {
    id: `req_${deps.random.text(14, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789')}`,
    idempotency_key: key ?? null,
  };
  const busyMs = deps.settings.latencyMs + faultDelayMs(faults);
  const notes: Record<string, string> = {
    requestId: eventRequest.id,
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
  const answer = catchFailure(() => admitRequest({ request, faults, eventRequest, busyMs, notes }, deps));
  const version = request.headers['stripe-version'];
  const headers = {
    ...answer.headers,
    'request-id': eventRequest.id,
    ...(version === undefined ? {} : { 'stripe-version': String(version) }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const reason = answer.headers['stripe-rate-limited-reason'];
  if (reason !== undefined) notes.limited = reason;
  return { answer: { ...answer, headers }, touched: [], notes };
}

/** Checks in this order: API key, faults that reject, URL, limits. Then runs the request. */
function admitRequest(state: RequestState, deps: StripeApiDeps): Answer {
  const { request, faults } = state;
  const store = authenticate(request, deps.keys, deps.stores);
  for (const rule of faults) {
    if (rule.fault === 'throttle') throw withRetryHeaders(throttled(rule), rule);
    if (rule.fault === 'unavailable')
      throw withRetryHeaders(new StripeFailure(503, 'Service unavailable', { type: 'api_error' }), rule);
  }
  const route = routeOf(request);
  state.notes.endpoint = route.endpoint;
  deps.limits.admit(`${store.account} ${store.livemode}`, route.endpoint);
  const params = paramsOf(request);
  const key = state.eventRequest.idempotency_key;
  if (key === null) return execute(route, params, store, state, deps).answer;
  return executeOnce(key, route, params, store, state, deps);
}

/** Runs a request with an idempotency key: at most once, with the stored answer for every repetition. */
function executeOnce(
  key: string,
  route: Route,
  params: ParamTree,
  store: AccountStore,
  state: RequestState,
  deps: StripeApiDeps,
): Answer {
  const scope = `${store.account} ${store.livemode}`;
  const { path } = state.request;
  const canonicalParams = canonical(params);
  const before = deps.idempotency.find(scope, key, path, canonicalParams);
  if (before !== undefined) {
    state.notes.replayed = 'true';
    return { ...before, headers: { ...before.headers, 'idempotent-replayed': 'true' } };
  }
  const { answer, stored } = execute(route, params, store, state, deps);
  const original = { ...answer, headers: { ...answer.headers, 'original-request': state.eventRequest.id } };
  deps.idempotency.save(
    scope,
    key,
    { path, params: canonicalParams, answer: stored ? original : undefined },
    state.busyMs,
  );
  return answer;
}

/** Runs the operation, with the faults before and after it. `stored`: whether the answer is kept under the idempotency key. */
function execute(route: Route, params: ParamTree, store: AccountStore, state: RequestState, deps: StripeApiDeps) {
  const { faults, eventRequest, busyMs, notes } = state;
  const before = faults.find(({ fault }) => fault === 'error');
  if (before !== undefined) return { answer: failureAnswer(withRetryHeaders(internalError(), before)), stored: true };
  const maxPageSize = faults.reduce(
    (size, rule) => (rule.fault === 'clamp' ? Math.min(size, rule.limit ?? 3) : size),
    100,
  );
  const emit = (type: string, object: { id: string; object: string }, previous?: Readonly<Record<string, unknown>>) => {
    if (/\.created$|^charge\.(succeeded|failed)$/.test(type))
      notes.created = [notes.created, object.id].filter(Boolean).join(' ');
    deps.onEvent(store, store.put(makeEvent(store, type, object, previous, eventRequest)).id);
  };
  const beforeWrite = (id: string) => deps.locks.acquire(`${store.account} ${store.livemode} ${id}`, busyMs);
  let result: { answer: Answer; stored: boolean };
  try {
    const body = runOperation(route, params, { store, stores: deps.stores, emit, maxPageSize, beforeWrite });
    if (typeof body.id === 'string' && route.operation !== undefined) notes.object = body.id;
    result = { answer: jsonAnswer(200, body), stored: true };
  } catch (thrown) {
    if (!(thrown instanceof StripeFailure)) throw thrown;
    result = { answer: failureAnswer(thrown), stored: thrown.executed };
  }
  const after = faults.find(({ fault }) => fault === 'error-after');
  return after === undefined
    ? result
    : { answer: failureAnswer(withRetryHeaders(internalError(), after)), stored: true };
}

function catchFailure(work: () => Answer): Answer {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof StripeFailure) return failureAnswer(thrown);
    throw thrown;
  }
}

function paramsOf({ query, body, headers }: SandboxRequest): ParamTree {
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
  if (body.length > 0 && !isForm) {
    throw invalid('Invalid request (check that your POST content type is application/x-www-form-urlencoded).');
  }
  return parseForm([...query, ...new URLSearchParams(body.toString('utf8'))]);
}

function withRetryHeaders(failure: StripeFailure, { shouldRetry, retryAfter }: FaultRule): StripeFailure {
  const headers = {
    ...failure.headers,
    ...(shouldRetry === undefined ? {} : { 'stripe-should-retry': String(shouldRetry) }),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  };
  const { type, code } = failure.error;
  const details = { type: String(type), ...(code === undefined ? {} : { code: String(code) }) };
  return new StripeFailure(failure.status, failure.message, details, { headers });
}

// Authentication.

type ApiKeys = Pick<StripeConfig, 'secretKey' | 'liveKey' | 'readOnlyKey' | 'accounts'>;

/** The store that the request's API key gives access to. Throws StripeFailure on an unknown key, and on writes with the read-only key. */
function authenticate(request: SandboxRequest, keys: ApiKeys, stores: AccountStores): AccountStore {
  const key = apiKeyOf(request.headers.authorization);
  if (key === undefined) throw new StripeFailure(401, NO_KEY, {}, { headers: CHALLENGE });
  const livemode = key === keys.liveKey;
  const readOnly = key === keys.readOnlyKey;
  if (!livemode && !readOnly && key !== keys.secretKey) {
    throw new StripeFailure(401, `Invalid API Key provided: ${maskKey(key)}`, {}, { headers: CHALLENGE });
  }
  if (readOnly && request.method !== 'GET')
    throw new StripeFailure(403, NOT_ALLOWED, { code: 'more_permissions_required' });
  return stores.get(livemode, accountOf(request, keys, key));
}

function accountOf(request: SandboxRequest, { accounts }: ApiKeys, key: string): string {
  const account = request.headers['stripe-account'];
  if (account === undefined || account === OWN_ACCOUNT) return OWN_ACCOUNT;
  if (typeof account === 'string' && accounts.includes(account)) return account;
  const message =
    `The provided key '${maskKey(key)}' does not have access to account '${String(account)}' (or that account does not ` +
    'exist). Application access may have been revoked.';
  throw new StripeFailure(403, message, { code: 'account_invalid' });
}

/** The API key of an `Authorization` header, Bearer or Basic. */
function apiKeyOf(header: string | undefined): string | undefined {
  const [scheme, value = ''] = (header ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && value !== '') return value;
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  return Buffer.from(value, 'base64').toString().split(':')[0] || undefined;
}

function maskKey(key: string): string {
  const start = /^[a-z]+_(test|live)_/.exec(key)?.[0] ?? key.slice(0, 2);
  return `${start}${'*'.repeat(Math.max(0, key.length - start.length - 4))}${key.slice(-4)}`;
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="Stripe"' };
const NO_KEY =
  "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: " +
  "Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";
const NOT_ALLOWED = 'The provided key does not have the required permissions for this endpoint.';

function failureAnswer({ status, error, headers }: StripeFailure): Answer {
  return jsonAnswer(status, { error }, headers);
}

function internalError(): StripeFailure {
  const message =
    'An unexpected error occurred with the connection to our servers. We have been notified of the problem.';
  return new StripeFailure(500, message, { type: 'api_error' });
}
