import type { Clock } from '../../core/clock.ts';
import type { FaultRule } from '../../core/fault-rule.ts';
import type { Answer, SandboxRequest } from '../../core/message.ts';
import type { Random } from '../../core/random.ts';
import { faultDelayMs } from '../../core/spoil.ts';
import type { Upstream, UpstreamResult } from '../../core/upstream.ts';
import { invalid, StripeFailure } from '../failure.ts';
import { canonical, type ParamTree, parseForm } from '../params/form.ts';
import type { StripeSettings } from '../settings.ts';
import type { AccountStore } from '../store/world.ts';
import type { AccountStores } from '../store/worlds.ts';
import { failureAnswer, internalError, successAnswer } from './answers.ts';
import { type ApiKeys, authenticate } from './auth.ts';
import { type EventRequest, makeEvent } from './events.ts';
import type { IdempotencyStore } from './idempotency.ts';
import { type Limits, throttled } from './limits.ts';
import type { ObjectLocks } from './locks.ts';
import { runOperation } from './perform.ts';
import { type Route, routeOf } from './route.ts';

export interface StripeApiDeps {
  readonly worlds: AccountStores;
  readonly keys: ApiKeys;
  readonly settings: Readonly<StripeSettings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly idempotency: IdempotencyStore;
  readonly locks: ObjectLocks;
  /** Told of every event, after it is stored. */
  readonly onEvent: (world: AccountStore, id: string) => void;
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

/** Stripe's API over the given worlds. */
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
  const world = authenticate(request, deps.keys, deps.worlds);
  for (const rule of faults) {
    if (rule.fault === 'throttle') throw withRetryHeaders(throttled(rule), rule);
    if (rule.fault === 'unavailable')
      throw withRetryHeaders(new StripeFailure(503, 'Service unavailable', { type: 'api_error' }), rule);
  }
  const route = routeOf(request);
  passage.notes.endpoint = route.endpoint;
  deps.limits.admit(`${world.account} ${world.livemode}`, route.endpoint);
  const params = paramsOf(request);
  const key = passage.cause.idempotency_key;
  if (key === null) return execute(route, params, world, passage, deps).answer;
  return executeOnce(key, route, params, world, passage, deps);
}

/** Works at most once for a key, and answers the same ever after. */
function executeOnce(
  key: string,
  route: Route,
  params: ParamTree,
  world: AccountStore,
  passage: RequestState,
  deps: StripeApiDeps,
): Answer {
  const scope = `${world.account} ${world.livemode}`;
  const { path } = passage.request;
  const print = canonical(params);
  const before = deps.idempotency.find(scope, key, path, print);
  if (before !== undefined) {
    passage.notes.replayed = 'true';
    return { ...before, headers: { ...before.headers, 'idempotent-replayed': 'true' } };
  }
  const { answer, kept } = execute(route, params, world, passage, deps);
  const original = { ...answer, headers: { ...answer.headers, 'original-request': passage.cause.id } };
  deps.idempotency.save(scope, key, { path, params: print, answer: kept ? original : undefined }, passage.busyMs);
  return answer;
}

/** The work itself, with the faults that strike before and after it. */
function execute(route: Route, params: ParamTree, world: AccountStore, passage: RequestState, deps: StripeApiDeps) {
  const { faults, cause, busyMs, notes } = passage;
  const before = faults.find(({ fault }) => fault === 'error');
  if (before !== undefined) return { answer: failureAnswer(withRetryHeaders(internalError(), before)), kept: true };
  const most = faults.reduce((least, rule) => (rule.fault === 'clamp' ? Math.min(least, rule.limit ?? 3) : least), 100);
  const emit = (type: string, object: { id: string; object: string }, previous?: Readonly<Record<string, unknown>>) => {
    if (/\.created$|^charge\.(succeeded|failed)$/.test(type))
      notes.created = [notes.created, object.id].filter(Boolean).join(' ');
    deps.onEvent(world, world.put(makeEvent(world, type, object, previous, cause)).id);
  };
  const beforeWrite = (name: string) => deps.locks.acquire(`${world.account} ${world.livemode} ${name}`, busyMs);
  let result: { answer: Answer; kept: boolean };
  try {
    const body = runOperation(route, params, { world, worlds: deps.worlds, emit, most, beforeWrite });
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
