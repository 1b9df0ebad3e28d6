import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type StripeSandbox, startStripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';

let sandbox: StripeSandbox;
let stripe: Stripe;

beforeEach(async () => {
  sandbox = await startStripeSandbox({ endpointRps: 0, globalRps: 0 });
  stripe = client();
});
afterEach(() => sandbox.close());

function client(): Stripe {
  const { hostname, port } = new URL(sandbox.url);
  return new Stripe(sandbox.secretKey, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

async function rejection(work: Promise<unknown>) {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Stripe.errors.StripeError);
  return error as Stripe.errors.StripeError;
}

const make = (key: string, name = 'A') => stripe.products.create({ name }, { idempotencyKey: key });
const count = () => sandbox.data.all('product').length;

describe('an idempotency key', () => {
  it('gives the same answer again, with a header that says so', async () => {
    const first = await make('k');
    const second = await make('k');
    expect(second).toEqual(first);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(second.lastResponse.headers['original-request']).toBe(first.lastResponse.requestId);
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(count()).toBe(1);
    expect(sandbox.journal.entries().map(({ notes }) => notes?.replayed)).toEqual([undefined, 'true']);
  });

  it('is valid only for the same parameters and endpoint', async () => {
    await make('k');
    const other = await rejection(make('k', 'B'));
    expect(other).toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' });
    expect(other.message).toMatch(/^Keys for idempotent requests can only be used with the same parameters/);
    const createCustomer = stripe.customers.create.bind(stripe.customers);
    expect((await rejection(createCustomer({ name: 'A' }, { idempotencyKey: 'k' }))).statusCode).toBeGreaterThanOrEqual(
      400,
    );
    expect((await rejection(make('k'.repeat(256)))).statusCode).toBe(400);
  });

  it('expires after a day, or when the sandbox removes it', async () => {
    await make('k');
    sandbox.clock.advance(24 * 3_600_000 - 60_000);
    await make('k');
    expect(count()).toBe(1);
    sandbox.clock.advance(120_000);
    await make('k');
    expect(count()).toBe(2);
    expect(sandbox.forget('k')).toBe(1);
    await make('k', 'B');
    expect(count()).toBe(3);
    const answer = await fetch(`${sandbox.url}/__sandbox/do/forget`, { method: 'POST' });
    expect(await answer.json()).toEqual({ forgotten: 1 });
  });

  it('is rejected with 409 while a request with it is in progress', async () => {
    sandbox.faults.set([{ fault: 'slow', delayMs: 200, nth: 1 }]);
    const first = make('k');
    await vi.waitFor(() => expect(sandbox.journal.size).toBe(1), { timeout: 30_000 });
    // By the sandbox's clock the first request is in progress for another minute, even on a slow machine.
    sandbox.clock.advance(-60_000);
    const second = await rejection(make('k'));
    expect(second).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect(second.headers?.['stripe-should-retry']).toBe('true');
    const { id } = await first;
    sandbox.clock.advance(120_000);
    expect((await make('k')).id).toBe(id);
  });

  it('stores a 500, both before and after the work', async () => {
    sandbox.faults.set([
      { fault: 'error', method: 'POST', nth: 1 },
      { fault: 'error-after', method: 'POST', nth: 3 },
    ]);
    expect(await rejection(make('before'))).toMatchObject({ statusCode: 500, type: 'StripeAPIError' });
    const replay = await rejection(make('before'));
    expect([replay.statusCode, replay.headers?.['idempotent-replayed']]).toEqual([500, 'true']);
    expect(count()).toBe(0);
    expect(await rejection(make('after'))).toMatchObject({ statusCode: 500 });
    expect(await rejection(make('after'))).toMatchObject({ statusCode: 500 });
    expect(count()).toBe(1);
  });

  it('does not store errors about parameters, 429 and 503', async () => {
    await rejection(make('k', ''));
    sandbox.faults.set([
      { fault: 'throttle', nth: 1 },
      { fault: 'unavailable', nth: 2 },
    ]);
    expect((await rejection(make('k'))).statusCode).toBe(429);
    expect((await rejection(make('k'))).statusCode).toBe(503);
    expect((await make('k')).lastResponse.headers['idempotent-replayed']).toBeUndefined();
  });

  it('stores errors of a started operation', async () => {
    await stripe.products.create({ id: 'p', name: 'A' });
    const twice = () => stripe.products.create({ id: 'p', name: 'A' }, { idempotencyKey: 'k' });
    expect((await rejection(twice())).headers?.['idempotent-replayed']).toBeUndefined();
    expect((await rejection(twice())).headers?.['idempotent-replayed']).toBe('true');
  });
});

describe('limits', () => {
  it('hold for an endpoint, for the account and for search, each with its reason', async () => {
    const time = vi.spyOn(sandbox.clock, 'now').mockReturnValue(1_000_000);
    Object.assign(sandbox.settings, { endpointRps: 3, globalRps: 5, searchRps: 1 });
    const reasons: unknown[] = [];
    const ask = async (work: Promise<unknown>) =>
      reasons.push(
        await work.then(
          () => 'ok',
          (error: Stripe.errors.StripeError) => error.headers?.['stripe-rate-limited-reason'],
        ),
      );
    for (let i = 0; i < 4; i++) await ask(stripe.products.list());
    await ask(stripe.products.search({ query: "active:'true'" }));
    await ask(stripe.products.search({ query: "active:'true'" }));
    for (let i = 0; i < 2; i++) await ask(stripe.prices.list());
    expect(reasons).toEqual(['ok', 'ok', 'ok', 'endpoint-rate', 'ok', 'endpoint-rate', 'ok', 'global-rate']);
    time.mockReturnValue(1_001_000);
    expect((await stripe.products.list()).data).toEqual([]);
    expect(sandbox.journal.peak(1_000, ({ status }) => status === 200)).toBe(5);
  });

  it('answer 429 in the format that the SDK expects', async () => {
    sandbox.faults.set([
      { fault: 'throttle', nth: 1, reason: 'endpoint-concurrency', retryAfter: 2, shouldRetry: false },
      { fault: 'throttle', nth: 2, code: 'lock_timeout' },
    ]);
    const limited = await rejection(stripe.products.list());
    expect(limited).toMatchObject({ type: 'StripeRateLimitError', code: 'rate_limit', statusCode: 429 });
    expect(limited.headers).toMatchObject({
      'stripe-rate-limited-reason': 'endpoint-concurrency',
      'retry-after': '2',
      'stripe-should-retry': 'false',
    });
    const locked = await rejection(stripe.products.list());
    expect([locked.statusCode, locked.code]).toEqual([429, 'lock_timeout']);
    expect(locked.headers?.['stripe-rate-limited-reason']).toBeUndefined();
  });

  it('reject a write on an object that another request locks for longer than lockWaitMs', async () => {
    const { id } = await stripe.products.create({ name: 'A' });
    vi.spyOn(sandbox.clock, 'now').mockReturnValue(1_000_000);
    Object.assign(sandbox.settings, { latencyMs: 150, lockWaitMs: 20 });
    const both = await Promise.allSettled(['B', 'C'].map((name) => stripe.products.update(id, { name })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find((result) => result.status === 'rejected')?.reason).toMatchObject({ code: 'lock_timeout' });
  });
});

describe('connections', () => {
  it('drop before and after the work, and the journal has the created objects', async () => {
    // The SDK repeats a request once after a connection reset, so each fault applies to two requests.
    sandbox.faults.set([
      { fault: 'drop-before', until: 2 },
      { fault: 'drop-after', from: 3, until: 4 },
    ]);
    expect(await rejection(make('k1'))).toMatchObject({ type: 'StripeConnectionError' });
    const before = count();
    expect(await rejection(make('k2'))).toMatchObject({ type: 'StripeConnectionError' });
    expect([before, count()]).toEqual([0, 1]);
    const made = sandbox.journal.entries().flatMap(({ notes }) => notes?.created ?? []);
    expect(made).toEqual([sandbox.data.all('product')[0]?.id]);
    expect((await make('k2')).id).toBe(made[0]);
  });

  it('are delayed by a slow fault', async () => {
    sandbox.faults.set([{ fault: 'slow', delayMs: 300, nth: 1 }]);
    const started = performance.now();
    await stripe.products.list();
    expect(performance.now() - started).toBeGreaterThan(280);
  });
});

describe('the SDK’s own retries', () => {
  it('create one object in spite of several faults', async () => {
    sandbox.faults.set([
      { fault: 'drop-after', nth: 1 },
      { fault: 'unavailable', nth: 2 },
      { fault: 'throttle', nth: 3, code: 'lock_timeout' },
    ]);
    const { hostname, port } = new URL(sandbox.url);
    const retrying = new Stripe(sandbox.secretKey, { host: hostname, port, protocol: 'http', maxNetworkRetries: 4 });
    await retrying.products.create({ name: 'A' });
    expect(count()).toBe(1);
    const keys = new Set(sandbox.journal.entries().map(({ notes }) => notes?.idempotencyKey));
    expect(keys.size).toBe(1);
  });
});
