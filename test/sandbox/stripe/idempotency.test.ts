import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

async function refusal(work: Promise<unknown>) {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Stripe.errors.StripeError);
  return error as Stripe.errors.StripeError;
}

const make = (key: string, name = 'A') => stripe.products.create({ name }, { idempotencyKey: key });
const count = () => sandbox.data.all('product').length;

describe('an idempotency key', () => {
  it('gives the same answer again, and says so', async () => {
    const first = await make('k');
    const second = await make('k');
    expect(second).toEqual(first);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(second.lastResponse.headers['original-request']).toBe(first.lastResponse.requestId);
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(count()).toBe(1);
    expect(sandbox.journal.entries().map(({ notes }) => notes?.replayed)).toEqual([undefined, 'true']);
  });

  it('belongs to its parameters and its endpoint', async () => {
    await make('k');
    const other = await refusal(make('k', 'B'));
    expect(other).toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' });
    expect(other.message).toMatch(/^Keys for idempotent requests can only be used with the same parameters/);
    const elsewhere = stripe.customers.create.bind(stripe.customers);
    expect((await refusal(elsewhere({ name: 'A' }, { idempotencyKey: 'k' }))).statusCode).toBeGreaterThanOrEqual(400);
    expect((await refusal(make('k'.repeat(256)))).statusCode).toBe(400);
  });

  it('is forgotten after a day, or when the sandbox is told to', async () => {
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
    const told = await fetch(`${sandbox.url}/__sandbox/do/forget`, { method: 'POST' });
    expect(await told.json()).toEqual({ forgotten: 1 });
  });

  it('in use twice at once: the second is refused with 409', async () => {
    sandbox.settings.latencyMs = 200;
    const first = make('k');
    await new Promise((resolve) => setTimeout(resolve, 60));
    const second = await refusal(make('k'));
    expect(second).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect(second.headers?.['stripe-should-retry']).toBe('true');
    expect((await make('k')).id).toBe((await first).id);
  });

  it('keeps a 500, whether anything was done before it or not', async () => {
    sandbox.faults.set([
      { fault: 'error', method: 'POST', nth: 1 },
      { fault: 'error-after', method: 'POST', nth: 3 },
    ]);
    expect(await refusal(make('before'))).toMatchObject({ statusCode: 500, type: 'StripeAPIError' });
    const replay = await refusal(make('before'));
    expect([replay.statusCode, replay.headers?.['idempotent-replayed']]).toEqual([500, 'true']);
    expect(count()).toBe(0);
    expect(await refusal(make('after'))).toMatchObject({ statusCode: 500 });
    expect(await refusal(make('after'))).toMatchObject({ statusCode: 500 });
    expect(count()).toBe(1);
  });

  it('does not keep refused parameters, 429s and 503s', async () => {
    await refusal(make('k', ''));
    sandbox.faults.set([
      { fault: 'throttle', nth: 1 },
      { fault: 'unavailable', nth: 2 },
    ]);
    expect((await refusal(make('k'))).statusCode).toBe(429);
    expect((await refusal(make('k'))).statusCode).toBe(503);
    expect((await make('k')).lastResponse.headers['idempotent-replayed']).toBeUndefined();
  });

  it('keeps what went wrong in the middle of the work', async () => {
    await stripe.products.create({ id: 'p', name: 'A' });
    const twice = () => stripe.products.create({ id: 'p', name: 'A' }, { idempotencyKey: 'k' });
    expect((await refusal(twice())).headers?.['idempotent-replayed']).toBeUndefined();
    expect((await refusal(twice())).headers?.['idempotent-replayed']).toBe('true');
  });
});

describe('limits', () => {
  it('hold for an endpoint, for the account and for search, each with its reason', async () => {
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
    sandbox.clock.advance(1_001);
    const error = await stripe.products.list().then(() => undefined);
    expect(error).toBeUndefined();
    expect(sandbox.journal.peak(1_000, ({ status }) => status === 200)).toBe(5);
  });

  it('answer 429 in a form the SDK knows', async () => {
    sandbox.faults.set([
      { fault: 'throttle', nth: 1, reason: 'endpoint-concurrency', retryAfter: 2, shouldRetry: false },
      { fault: 'throttle', nth: 2, code: 'lock_timeout' },
    ]);
    const limited = await refusal(stripe.products.list());
    expect(limited).toMatchObject({ type: 'StripeRateLimitError', code: 'rate_limit', statusCode: 429 });
    expect(limited.headers).toMatchObject({
      'stripe-rate-limited-reason': 'endpoint-concurrency',
      'retry-after': '2',
      'stripe-should-retry': 'false',
    });
    const locked = await refusal(stripe.products.list());
    expect([locked.statusCode, locked.code]).toEqual([429, 'lock_timeout']);
    expect(locked.headers?.['stripe-rate-limited-reason']).toBeUndefined();
  });

  it('two writes on one object: the second waits, and gives up when that takes too long', async () => {
    const { id } = await stripe.products.create({ name: 'A' });
    Object.assign(sandbox.settings, { latencyMs: 150, lockWaitMs: 20 });
    const both = await Promise.allSettled(['B', 'C'].map((name) => stripe.products.update(id, { name })));
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find((each) => each.status === 'rejected')?.reason).toMatchObject({ code: 'lock_timeout' });
  });
});

describe('connections', () => {
  it('drop before the work, after it and half-way, and the journal knows what was made', async () => {
    // The SDK sends once more after a reset, so each fault strikes until the key is answered.
    sandbox.faults.set([
      { fault: 'drop-before', until: 2 },
      { fault: 'drop-after', from: 3, until: 4 },
    ]);
    expect(await refusal(make('k1'))).toMatchObject({ type: 'StripeConnectionError' });
    const before = count();
    expect(await refusal(make('k2'))).toMatchObject({ type: 'StripeConnectionError' });
    expect([before, count()]).toEqual([0, 1]);
    const made = sandbox.journal.entries().flatMap(({ notes }) => notes?.created ?? []);
    expect(made).toEqual([sandbox.data.all('product')[0]?.id]);
    expect((await make('k2')).id).toBe(made[0]);
  });

  it('are slow when asked', async () => {
    sandbox.faults.set([{ fault: 'slow', delayMs: 300, nth: 1 }]);
    const started = performance.now();
    await stripe.products.list();
    expect(performance.now() - started).toBeGreaterThan(280);
  });
});

describe('the SDK’s own retries', () => {
  it('make one object out of a storm', async () => {
    sandbox.faults.set([
      { fault: 'drop-after', nth: 1 },
      { fault: 'unavailable', nth: 2 },
      { fault: 'throttle', nth: 3, code: 'lock_timeout' },
    ]);
    const { hostname, port } = new URL(sandbox.url);
    const stubborn = new Stripe(sandbox.secretKey, { host: hostname, port, protocol: 'http', maxNetworkRetries: 4 });
    await stubborn.products.create({ name: 'A' });
    expect(count()).toBe(1);
    const keys = new Set(sandbox.journal.entries().map(({ notes }) => notes?.idempotencyKey));
    expect(keys.size).toBe(1);
  });
});
