import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { upstreamDefaults } from '../../src/upstreams/options.ts';
import { readLimits, readUpstreamStates, setLimit } from '../../src/upstreams/states.ts';
import { createRedisSpace, type RedisSpace } from '../helpers/redis.ts';
import { joinFleet, type Member, type MemberOptions } from './fleet-member.ts';
import { type Handler, reply, startServer, type TestServer } from './test-server.ts';

let space: RedisSpace;
let server: TestServer;
const members: Member[] = [];

beforeEach(() => {
  space = createRedisSpace();
});
afterEach(async () => {
  for (const member of members.splice(0)) member.leave();
  await server?.stop();
  await space.drop();
});

async function serve(handler: Handler, options: Partial<MemberOptions> = {}): Promise<Member> {
  server = await startServer(handler);
  return join(options);
}

function join(options: Partial<MemberOptions> = {}): Member {
  const member = joinFleet({ redisUrl: space.url, prefix: space.prefix, baseUrl: server.baseUrl, ...options });
  members.push(member);
  return member;
}

const ok: Handler = (_, response) => reply(response, 200, { fine: true });
/** Answers with one handler of the script for each request, and with 200 after its end. */
const script =
  (...steps: Handler[]): Handler =>
  (request, response, nth) =>
    (steps[nth - 1] ?? ok)(request, response, nth);
const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    reply(response, code, { message: 'no' }, headers);

test('a request carries headers, query and key, and is counted', async () => {
  const { upstream, events } = await serve(ok);
  const { signal } = new AbortController();
  const query = { constraints: '[{"key":"a b"}]', cursor: 0 };
  await upstream.request({
    method: 'POST',
    path: 'obj',
    endpoint: 'obj',
    query,
    body: '{}',
    idempotencyKey: 'k1',
    signal,
  });
  expect(server.requests[0]).toMatchObject({
    line: 'POST /api/obj?constraints=%5B%7B%22key%22%3A%22a+b%22%7D%5D&cursor=0',
    headers: { authorization: 'Bearer canary-key-1', 'idempotency-key': 'k1', 'content-type': 'application/json' },
    body: '{}',
  });
  const counted = { sentBytes: expect.any(Number), receivedBytes: expect.any(Number), ms: expect.any(Number) };
  expect(events).toEqual([{ upstream: 'up', endpoint: 'obj', status: 200, ...counted }]);
});

test.each<[string, Handler]>([
  ['500', status(500)],
  ['502', status(502)],
  ['503', status(503)],
  ['504', status(504)],
  ['408', status(408)],
  ['a reset', (request) => request.socket.destroy()],
  ['half a page', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a"')],
  ['an HTML page', (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
])('after %s a GET is sent again, and its success resets the breaker', async (_, fault) => {
  const member = await serve(script(fault, fault));
  expect((await member.get()).json()).toEqual({ fine: true });
  expect(server.requests).toHaveLength(3);
  expect(member.log).toHaveLength(2);
  expect(await readUpstreamStates(member.redis, space.prefix)).toMatchObject([
    { breaker: 'closed', failuresInARow: 0 },
  ]);
});

test.each([400, 401, 402, 403, 404, 409, 422])('after %d nothing is sent again', async (code) => {
  const { get } = await serve(status(code));
  await get().catch(() => {});
  expect(server.requests).toHaveLength(1);
});

test('tries are bounded, and the last error goes to the caller', async () => {
  const { get, events } = await serve(status(500));
  await expect(get()).rejects.toMatchObject({
    code: 'UPSTREAM_ERROR',
    class: 'transient',
    message: 'up thing: 500 no',
  });
  expect(server.requests).toHaveLength(4);
  expect(events).toHaveLength(4);
});

test('a write is sent again only with an idempotency key, and then with the same', async () => {
  const { get } = await serve(status(500));
  await expect(get('x', { method: 'POST', body: '{}' })).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
  expect(server.requests).toHaveLength(1);
  await expect(get('x', { method: 'POST', body: '{}', idempotencyKey: 'k' })).rejects.toMatchObject({
    code: 'UPSTREAM_ERROR',
  });
  expect(server.requests.slice(1).map(({ headers }) => headers['idempotency-key'])).toEqual(['k', 'k', 'k', 'k']);
});

test.each([
  ['seconds', () => ({ 'retry-after': '1' })],
  ['a date', () => ({ 'retry-after': new Date(Date.now() + 2_000).toUTCString() })],
  ['garbage', () => ({ 'retry-after': 'soon, please' })],
  ['Rate-Limit-Reset', () => ({ 'rate-limit-reset': '1.0' })],
  ['X-RateLimit-Reset', () => ({ 'x-ratelimit-reset': String(Date.now() / 1_000 + 1) })],
])('a 429 with %s pauses every process, and the request succeeds after the pause', async (_, headers) => {
  const arrivals: number[] = [];
  const recordArrival =
    (next: Handler): Handler =>
    (...all) => {
      arrivals.push(performance.now());
      next(...all);
    };
  const first = await serve(recordArrival(script((...all) => status(429, headers())(...all))));
  const other = join();
  const answered = first.get();
  await expect.poll(async () => (await readUpstreamStates(first.redis, space.prefix))[0]?.blockedUntil).toBeTruthy();
  await Promise.all([answered, other.get(), other.get()]);
  expect(arrivals).toHaveLength(4);
  expect((arrivals[1] ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(900);
});

test('a pause longer than the bound fails in every process, with the time after which to try again', async () => {
  const member = await serve(script(status(429, { 'retry-after': '30' })));
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  const limited = { code: 'UPSTREAM_RATE_LIMIT', class: 'throttled' };
  await expect(member.get()).rejects.toMatchObject(limited);
  const refused = await join()
    .get()
    .catch((error) => error);
  expect(refused).toMatchObject(limited);
  // The time that has passed on a busy machine is deducted: what remains shows that no caller waited for the pause.
  expect(refused.retryAfterMs).toBeGreaterThan(29_000 - elapsed());
  expect(server.requests).toHaveLength(1);
  const [state] = await readUpstreamStates(member.redis, space.prefix);
  expect(Date.parse(state?.blockedUntil ?? '') - Date.now()).toBeGreaterThan(28_000 - elapsed());
  expect(state?.effectiveRps).toBe(350);
});

test('callers whose wait would exceed the bound are rejected instead of waiting', async () => {
  const { get } = await serve(ok, { maxRps: 5, defaults: { maxWaitMs: 1_000 } });
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => get()));
  const refused = results.filter(({ status: how }) => how === 'rejected');
  expect(refused.length).toBeGreaterThan(30);
  expect(server.requests.length).toBeGreaterThanOrEqual(3);
});

test('after failures in a row no process sends requests, one probes, and its success closes the breaker for all', async () => {
  const breaker = { failures: 6, pauseMs: 1_500, maxPauseMs: 3_000 };
  let healthy = false;
  const first = await serve((...all) => (healthy ? ok : status(500))(...all), { defaults: { breaker } });
  const other = join({ defaults: { breaker } });
  await Promise.allSettled([first.get(), other.get()]);
  const known = server.requests.length;
  const rejected = await other.get().catch((error) => error);
  expect(rejected).toMatchObject({ code: 'BREAKER_OPEN', class: 'throttled', retryAfterMs: expect.any(Number) });
  expect(server.requests).toHaveLength(known);
  healthy = true;
  await expect
    .poll(async () => (await readUpstreamStates(first.redis, space.prefix))[0]?.breaker, { timeout: 20_000 })
    .toBe('half-open');
  const after = await Promise.allSettled(Array.from({ length: 10 }, (_, at) => (at % 2 ? first : other).get()));
  expect(after.some(({ status: how }) => how === 'fulfilled')).toBe(true);
  expect(await first.get()).toMatchObject({ status: 200 });
});

test('a limit set at run time also applies to callers that wait already', async () => {
  const member = await serve(ok, { maxRps: 0.01, defaults: { maxWaitMs: 200_000 } });
  await setLimit(member.redis, space.prefix, 'up', 0.01);
  const waiting = member.get();
  await expect.poll(async () => (await readUpstreamStates(member.redis, space.prefix)).length).toBe(1);
  await setLimit(member.redis, space.prefix, 'up', 200);
  await waiting;
  expect(await readLimits(member.redis, space.prefix)).toEqual({ up: 200 });
  expect(await readUpstreamStates(member.redis, space.prefix)).toMatchObject([
    { name: 'up', endpoint: null, configuredRps: 0.01, overrideRps: 200, effectiveRps: 200, usedLastMinute: 1 },
  ]);
  await setLimit(member.redis, space.prefix, 'up', null);
  expect(await readLimits(member.redis, space.prefix)).toEqual({});
  await expect(setLimit(member.redis, space.prefix, 'up', 0)).rejects.toMatchObject({ code: 'CONFIGURATION' });
  await expect(setLimit(member.redis, space.prefix, 'up', Number.NaN)).rejects.toMatchObject({ code: 'CONFIGURATION' });
});

test('an endpoint can be given its own limit at run time', async () => {
  const member = await serve(ok);
  await setLimit(member.redis, space.prefix, 'up/slow', 4);
  const begun = performance.now();
  for (let i = 0; i < 3; i += 1) await member.get('slow', { endpoint: 'slow' });
  expect(performance.now() - begun).toBeGreaterThan(600);
  expect(await readUpstreamStates(member.redis, space.prefix)).toMatchObject([
    { name: 'up', endpoint: null, overrideRps: null },
    { name: 'up', endpoint: 'slow', configuredRps: null, overrideRps: 4, effectiveRps: 4 },
  ]);
});

test('a caller that aborts stops waiting and fails with its own reason', async () => {
  const { get, redis } = await serve(ok, { maxRps: 0.3 });
  const stop = new AbortController();
  const waiting = expect(get('thing', { signal: stop.signal })).rejects.toThrow('paused');
  await expect.poll(async () => (await readUpstreamStates(redis, space.prefix)).length).toBe(1);
  stop.abort(new Error('paused'));
  await waiting;
  expect(server.requests).toHaveLength(0);
});

test('without Redis no request is sent and every call fails at the deadline', async () => {
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as { port: number };
  await serve(ok);
  for (const redisUrl of [`redis://127.0.0.1:${port}`, 'redis://127.0.0.1:1']) {
    const failure = { code: 'REDIS_UNAVAILABLE', class: 'transient', retryAfterMs: 1_000 };
    await expect(join({ redisUrl }).get()).rejects.toMatchObject(failure);
  }
  expect(server.requests).toHaveLength(0);
  mute.close();
});

test('after Redis was flushed the scripts are loaded again and the rate still holds', async () => {
  const member = await serve(ok, { maxRps: 10 });
  await member.get();
  await member.redis.call('SCRIPT', 'FLUSH');
  await space.drop();
  const begun = performance.now();
  await Promise.all([member.get(), member.get(), member.get()]);
  expect(performance.now() - begun).toBeGreaterThan(300);
});

test('keys, bodies and query values stay out of Redis, logs, events and errors', async () => {
  const echo: Handler = (request, response) =>
    reply(response, request.url?.includes('refuse') ? 400 : 500, {
      message: `${request.headers.authorization} canary@example.com`,
    });
  const member = await serve(echo);
  const errors: unknown[] = [];
  for (const path of ['fail', 'refuse']) {
    const more = {
      query: { q: 'canary-query' },
      idempotencyKey: 'canary-idem',
      body: 'canary-body',
      method: 'POST' as const,
    };
    await member.get(path, more).catch((error) => errors.push(error));
  }
  const keys = await member.redis.keys(`${space.prefix}*`);
  const held = await Promise.all(keys.map((key) => member.redis.dumpBuffer(key)));
  const texts = [
    ...member.log,
    JSON.stringify(member.events),
    ...errors.map(everythingIn),
    ...keys,
    ...held.map(String),
  ];
  expect(errors).toHaveLength(2);
  expect(texts.filter((text) => text.includes('canary'))).toEqual([]);
});

test('requests go to public https addresses only, whatever a name resolves to', async () => {
  const lookup: never = ((_: string, __: unknown, done: (error: Error) => void) =>
    done(Object.assign(new Error('private'), { code: 'EPRIVATE' }))) as never;
  const member = await serve(ok, { baseUrl: 'https://rebound.example/', deps: { allowPrivate: false, lookup } });
  await expect(member.get()).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
  const real = join({ baseUrl: 'https://localhost/', deps: { allowPrivate: false } });
  await expect(real.get()).rejects.toMatchObject({ code: 'UPSTREAM_FORBIDDEN_ADDRESS', class: 'configuration' });
  expect(real.events).toHaveLength(1);
  expect(() => join({ deps: { allowPrivate: false } })).toThrow(
    expect.objectContaining({ code: 'UPSTREAM_FORBIDDEN_ADDRESS' }),
  );
});

test('the defaults are those the documents name', () => {
  expect(upstreamDefaults).toMatchObject({ maxWaitMs: 5_000, tries: 4, timeoutMs: 30_000, maxBodyBytes: 52_428_800 });
  expect(upstreamDefaults.breaker.failures).toBe(10);
});

function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack} ${JSON.stringify(error)} ${error.cause === undefined ? '' : everythingIn(error.cause)}`;
}
