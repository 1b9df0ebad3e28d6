import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createProducer } from '../../queues/producer.ts';
import { connectProducer } from '../../queues/redis.ts';
import { buildApp } from '../../src/api/app.ts';
import { createLiveQueues } from '../../src/api/queue-control.ts';
import { startService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
let job: string;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  const queue = service.producer.queues.get('load');
  job = String((await queue?.add('load', { run: 'r1', records: [['1', 1]] }, { delay: 3_600_000 }))?.id);
});

const as = (role: 'viewer' | 'operator', method: string, url: string, payload?: object) =>
  service.app.inject({
    method: method as 'GET',
    url: `/board${url}`,
    headers: service.as(role),
    ...(payload ? { payload } : {}),
  });
const audit = async () =>
  (
    await service.database.$client.query(
      "SELECT action, subject FROM drover.audit WHERE action LIKE 'board.%' OR action LIKE 'queue.%'",
    )
  ).rows;

test('browsers are redirected to the sign-in page and back, programs get 401', async () => {
  const page = await service.app.inject({ url: '/board/queue/load', headers: { accept: 'text/html' } });
  expect([page.statusCode, page.headers.location]).toEqual([303, '/login?next=%2Fboard%2Fqueue%2Fload']);
  expect((await service.app.inject({ url: '/board/api/queues' })).json()).toMatchObject({ status: 401 });
});

test('the page and its files come with a policy that lets them work', async () => {
  const page = await as('viewer', 'GET', '/');
  expect(page.headers['content-type']).toContain('text/html');
  expect(page.body).toContain('<base href="/board/"');
  expect(page.headers['content-security-policy']).toContain("script-src 'self'");
  const script = /src="(static\/js\/main[^"]+)"/.exec(page.body)?.[1];
  expect((await as('viewer', 'GET', `/${script}`)).statusCode).toBe(200);
});

test('viewers see the queues as read-only, operators do not', async () => {
  const queuesOf = async (role: 'viewer' | 'operator') => (await as(role, 'GET', '/api/queues')).json().queues;
  const seen = await queuesOf('viewer');
  expect(seen.map(({ name }: { name: string }) => name)).toContain('load');
  expect(seen.every(({ readOnlyMode }: { readOnlyMode: boolean }) => readOnlyMode)).toBe(true);
  expect((await queuesOf('operator')).some(({ readOnlyMode }: { readOnlyMode: boolean }) => readOnlyMode)).toBe(false);
});

describe('every change the board can make', () => {
  const changes = () =>
    service.app
      .declaredRoutes()
      .filter(({ method, url }) => url.startsWith('/board') && !['GET', 'HEAD'].includes(method));
  const addressOf = (url: string) =>
    url.replace('/board', '').replace(':queueName', 'load').replace(':jobId', job).replace(/:\w+/g, 'x');

  test('is refused to viewers', async () => {
    expect(changes().length).toBeGreaterThan(15);
    for (const { method, url } of changes()) {
      const answer = await as('viewer', method, addressOf(url), {});
      expect([method, url, answer.statusCode]).toEqual([method, url, 403]);
      expect(answer.headers['content-type']).toContain('application/problem+json');
    }
  });

  test('is refused to operators too, but for trying again, sooner, pausing and resuming', async () => {
    const allowed = /\/(retry|promote|pause|resume)(\/:queueStatus)?$/;
    for (const { method, url } of changes().filter((route) => !allowed.test(route.url))) {
      const answer = await as('operator', method, addressOf(url), {});
      expect([method, url, answer.statusCode]).toEqual([method, url, 403]);
    }
    expect(await service.producer.queues.get('load')?.getJob(job)).toBeDefined();
  });

  test('is refused by cookie from elsewhere', async () => {
    const session = await service.app.inject({
      method: 'POST',
      url: '/api/v1/session',
      payload: { key: service.keys.operator },
    });
    const cookie = String(session.headers['set-cookie']).split(';')[0] ?? '';
    const put = (headers: object) =>
      service.app.inject({
        method: 'PUT',
        url: `/board/api/queues/load/${job}/promote`,
        headers: { host: 'd.test', cookie, ...headers },
      });
    expect((await put({ origin: 'https://evil.example' })).statusCode).toBe(403);
    expect((await put({ 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
    expect((await put({ 'sec-fetch-site': 'same-origin' })).statusCode).toBe(204);
  });
});

test('an operator promotes a job, and it is in the audit log', async () => {
  expect((await as('operator', 'PUT', `/api/queues/load/${job}/promote`)).statusCode).toBe(204);
  expect(await (await service.producer.queues.get('load')?.getJob(job))?.getState()).toBe('waiting');
  expect(await audit()).toContainEqual({ action: 'board.promote', subject: 'queue:load' });
});

test('promoting a job that is not delayed is refused with that reason', async () => {
  expect((await as('operator', 'PUT', `/api/queues/load/${job}/promote`)).statusCode).toBe(204);
  const again = await as('operator', 'PUT', `/api/queues/load/${job}/promote`);
  expect([again.statusCode, again.json().code]).toEqual([409, 'NOT_ALLOWED_NOW']);
});

test('a pause through the board is stored and audited like any other', async () => {
  expect((await as('operator', 'PUT', '/api/queues/transform/pause')).statusCode).toBe(200);
  expect(await service.producer.queues.get('transform')?.isPaused()).toBe(true);
  const { items } = (await service.app.inject({ url: '/api/v1/queues', headers: service.as('viewer') })).json();
  expect(items.find(({ name }: { name: string }) => name === 'transform')).toMatchObject({
    paused: true,
    reason: 'through the board',
  });
  expect((await as('operator', 'PUT', '/api/queues/resume')).statusCode).toBe(200);
  expect(await service.producer.queues.get('transform')?.isPaused()).toBe(false);
  expect(await audit()).toContainEqual({ action: 'queue.pause', subject: 'queue:transform' });
});

test('the board returns 503 while Redis is unavailable, instead of waiting for it', async () => {
  const redis = connectProducer('redis://127.0.0.1:1', () => undefined);
  const producer = createProducer({ redis, prefix: '{away}', window: () => 1, onError: () => undefined });
  const queues = { ...service.deps.queues, boardAdapters: createLiveQueues(producer).boardAdapters };
  const app = await buildApp({ ...service.deps, queues });
  const answer = await app.inject({ url: '/board/api/queues', headers: service.as('viewer') });
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ code: 'REDIS_UNAVAILABLE', remedy: expect.any(String) });
  await app.close();
  await producer.close();
  redis.disconnect();
});
