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

export interface StripeApiDeps {
  readonly stores: AccountStores;
  readonly keys: ApiKeys;
  readonly settings: Readonly<StripeSettings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly idempotency: IdempotencyStore;
  readonly locks: ObjectLocks;
  /** Told of every event, after it is stored. */
  readonly onEvent: (store: AccountStore, id: string) => void;
}

/** One request on its way through: what is known of it so far, and what the journal will say. */
interface RequestState {
  readonly request: SandboxRequest;
  readonly faults: readonly FaultRule[];
  readonly cause: EventRequest;
  /** How long the answer will be held back, and with it the key and the object. */
  readonly busyMs: number;
  readonly notes: Record<string, string>;
}

/** Stripe's API over the given stores. */
export function stripeApi(deps: StripeApiDeps): Upstream {
  return {
    name: 'stripe',
    ownFaults: ['throttle', 'unavailable', 'error', 'error-after'],
    describeRequest({ method, path }) {
      const [, name = '', id, action] = path.split('/').slice(1);
      const one = action ?? (method === 'GET' ? 'get' : method === 'DELETE' ? 'delete' : 'update');
      const operation = id === 'search' ? 'search' : id === undefined ? (method === 'GET' ? 'list' : 'create') : one;
      return { method, operation, resource: name };
    },
    errorAnswer: (status, message) => failureAnswer(new StripeFailure(status, message, { type: 'api_error' })),
    handle: (request, faults) => handle(request, faults, deps),
  };
}

function handle(request: SandboxRequest, faults: readonly FaultRule[], deps: StripeApiDeps): UpstreamResult {
  const key = request.method === 'POST' ? (request.headers['idempotency-key'] as string | undefined) : undefined;
  const cause = {
    id: `req_${deps.random.text(14, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789')}`,
    idempotency_key: key ?? null,
  };
  const busyMs = deps.settings.latencyMs + faultDelayMs(faults);
  const notes: Record<string, string> = { requestId: cause.id, ...(key === undefined ? {} : { idempotencyKey: key }) };
  const answer = catchFailure(() => admitRequest({ request, faults, cause, busyMs, notes }, deps));
  const version = request.headers['stripe-version'];
  const headers = {
    ...answer.headers,
    'request-id': cause.id,
    ...(version === undefined ? {} : { 'stripe-version': String(version) }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const reason = answer.headers['stripe-rate-limited-reason'];
  if (reason !== undefined) notes.limited = reason;
  return { answer: { ...answer, headers }, touched: [], notes };
}

/** The gate: key, faults of the network, address, limits, and what was answered before. */
function admitRequest(passage: RequestState, deps: StripeApiDeps): Answer {
  const { request, faults } = passage;
  const store = authenticate(request, deps.keys, deps.stores);
  for (const rule of faults) {
    if (rule.fault === 'throttle') throw withRetryHeaders(throttled(rule), rule);
    if (rule.fault === 'unavailable')
      throw withRetryHeaders(new StripeFailure(503, 'Service unavailable', { type: 'api_error' }), rule);
  }
  const route = routeOf(request);
  passage.notes.endpoint = route.endpoint;
  deps.limits.admit(`${store.account} ${store.livemode}`, route.endpoint);
  const params = paramsOf(request);
  const key = passage.cause.idempotency_key;
  if (key === null) return execute(route, params, store, passage, deps).answer;
  return executeOnce(key, route, params, store, passage, deps);
}

/** Works at most once for a key, and answers the same ever after. */
function executeOnce(
  key: string,
  route: Route,
  params: ParamTree,
  store: AccountStore,
  passage: RequestState,
  deps: StripeApiDeps,
): Answer {
  const scope = `${store.account} ${store.livemode}`;
  const { path } = passage.request;
  const print = canonical(params);
  const before = deps.idempotency.find(scope, key, path, print);
  if (before !== undefined) {
    passage.notes.replayed = 'true';
    return { ...before, headers: { ...before.headers, 'idempotent-replayed': 'true' } };
  }
  const { answer, kept } = execute(route, params, store, passage, deps);
  const original = { ...answer, headers: { ...answer.headers, 'original-request': passage.cause.id } };
  deps.idempotency.save(scope, key, { path, params: print, answer: kept ? original : undefined }, passage.busyMs);
  return answer;
}

/** The work itself, with the faults that strike before and after it. */
function execute(route: Route, params: ParamTree, store: AccountStore, passage: RequestState, deps: StripeApiDeps) {
  const { faults, cause, busyMs, notes } = passage;
  const before = faults.find(({ fault }) => fault === 'error');
  if (before !== undefined) return { answer: failureAnswer(withRetryHeaders(internalError(), before)), kept: true };
  const most = faults.reduce((least, rule) => (rule.fault === 'clamp' ? Math.min(least, rule.limit ?? 3) : least), 100);
  const emit = (type: string, object: { id: string; object: string }, previous?: Readonly<Record<string, unknown>>) => {
    if (/\.created$|^charge\.(succeeded|failed)$/.test(type))
      notes.created = [notes.created, object.id].filter(Boolean).join(' ');
    deps.onEvent(store, store.put(makeEvent(store, type, object, previous, cause)).id);
  };
  const beforeWrite = (name: string) => deps.locks.acquire(`${store.account} ${store.livemode} ${name}`, busyMs);
  let result: { answer: Answer; kept: boolean };
  try {
    const body = runOperation(route, params, { store, stores: deps.stores, emit, most, beforeWrite });
    if (typeof body.id === 'string' && route.operation !== undefined) notes.object = body.id;
    result = { answer: successAnswer(body), kept: true };
  } catch (thrown) {
    if (!(thrown instanceof StripeFailure)) throw thrown;
    result = { answer: failureAnswer(thrown), kept: thrown.executed };
  }
  const after = faults.find(({ fault }) => fault === 'error-after');
  return after === undefined ? result : { answer: failureAnswer(withRetryHeaders(internalError(), after)), kept: true };
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

type ApiKeys = Pick<StripeConfig, 'secretKey' | 'liveKey' | 'readOnlyKey' | 'accounts'>;

/** The world a request's key opens. Throws StripeFailure for strangers, and for writes with a key that may only read. */
function authenticate(request: SandboxRequest, keys: ApiKeys, stores: AccountStores): AccountStore {
  const key = keyOf(request.headers.authorization);
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
  const named = request.headers['stripe-account'];
  if (named === undefined || named === OWN_ACCOUNT) return OWN_ACCOUNT;
  if (typeof named === 'string' && accounts.includes(named)) return named;
  const message =
    `The provided key '${maskKey(key)}' does not have access to account '${String(named)}' (or that account does not ` +
    'exist). Application access may have been revoked.';
  throw new StripeFailure(403, message, { code: 'account_invalid' });
}

function keyOf(header: string | undefined): string | undefined {
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

function successAnswer(body: unknown): Answer {
  return jsonAnswer(200, body);
}

function failureAnswer({ status, error, headers }: StripeFailure): Answer {
  return jsonAnswer(status, { error }, headers);
}

function internalError(): StripeFailure {
  const message =
    'An unexpected error occurred with the connection to our servers. We have been notified of the problem.';
  return new StripeFailure(500, message, { type: 'api_error' });
}
