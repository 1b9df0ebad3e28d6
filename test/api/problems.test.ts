import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DroverError } from '../../src/errors.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
  service.control.put(runView('run-a', 'running'));
});
afterAll(() => service.stop());

const post = (url: string, payload: unknown, headers: Record<string, string> = {}) =>
  service.app.inject({
    method: 'POST',
    url: `/api/v1${url}`,
    payload: payload as object,
    headers: { ...service.as('operator'), ...headers },
  });

const problem = (fields: object) => ({
  type: expect.stringMatching(/^urn:drover:problem:/),
  title: expect.any(String),
  detail: expect.any(String),
  remedy: expect.any(String),
  ...fields,
});

test('wrong types are not coerced, and every wrong field is named at once', async () => {
  const answer = await post('/runs', { plan: 7, dryRun: 'true', batchSize: '5' });
  expect(answer.statusCode).toBe(400);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.json()).toMatchObject(problem({ status: 400, code: 'BAD_REQUEST' }));
  expect(answer.json().errors.map(({ path }: { path: string }) => path)).toEqual([
    'body.plan',
    'body.dryRun',
    'body.batchSize',
  ]);
});

test('unknown fields are refused by name', async () => {
  const answer = await post('/runs', { plan: 'bubble', dryrun: true });
  expect(answer.statusCode).toBe(400);
  expect(answer.json().detail).toContain('dryrun');
  const query = await service.app.inject({ url: '/api/v1/runs?state=x', headers: service.as('viewer') });
  expect(query.statusCode).toBe(400);
  expect(query.json().detail).toContain('state');
});

test.each([['limit=0'], ['limit=abc'], ['status=ended']])('a wrong query (%s) is 400', async (query) => {
  expect((await service.app.inject({ url: `/api/v1/runs?${query}`, headers: service.as('viewer') })).statusCode).toBe(
    400,
  );
});

test.each(['pause', 'resume', 'cancel', 'rollback'])('%s needs a reason that says something', async (action) => {
  for (const body of [undefined, {}, { reason: '' }, { reason: '   ' }, { reason: 'a\u0000b' }]) {
    const answer = await post(`/runs/run-a/${action}`, body);
    expect([body, answer.statusCode]).toEqual([body, 400]);
  }
  expect((await post(`/runs/run-a/${action}`, { reason: 'because' })).statusCode).toBe(200);
});

test('retry and validate need no body', async () => {
  expect((await post('/runs/run-a/retry', undefined)).statusCode).toBe(200);
  expect((await post('/runs/run-a/validate', undefined)).statusCode).toBe(200);
  expect((await post('/runs/run-a/retry', '', { 'content-type': 'application/json' })).statusCode).toBe(200);
});

test('invalid JSON and bodies of another type are refused without quoting them', async () => {
  const headers = { 'content-type': 'application/json' };
  const broken = await post('/runs', '{"plan": canary-1}', headers);
  expect(broken.statusCode).toBe(400);
  expect(broken.body).not.toContain('canary-1');
  expect((await post('/runs', '{"__proto__": {"a": 1}, "plan": "bubble"}', headers)).statusCode).toBe(400);
  expect((await post('/runs', '', headers)).json()).toMatchObject(problem({ status: 400 }));
  expect((await post('/runs', 'plan=bubble', { 'content-type': 'text/plain' })).json()).toMatchObject(
    problem({ status: 415 }),
  );
});

test('a body that is too large gets its response over a real connection, at any size', async () => {
  await service.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = service.app.server.address() as AddressInfo;
  const send = (path: string, bytes: number, body: object = { entity: 'users', sourceIds: ['x'.repeat(bytes)] }) =>
    fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      method: 'POST',
      headers: { ...service.as('operator'), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  for (const bytes of [1.2e6, 10e6, 40e6]) {
    const answer = await send('/runs/run-a/pause', bytes);
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject(
      problem({ status: 413, code: 'BODY_TOO_LARGE', detail: expect.stringContaining('1 MB') }),
    );
  }
  // As many and as long ids as a run may name.
  const ids = Array.from({ length: 100_000 }, (_, n) => String(n).padStart(200, 'x'));
  expect((await send('/runs', 0, { plan: 'bubble', ids })).status).toBe(202);
  expect(await (await send('/runs', 30e6)).json()).toMatchObject({
    status: 413,
    detail: expect.stringContaining('24 MB'),
  });
  // Within the limit of this address: refused for its contents, not its size.
  expect((await send('/runs/run-a/records', 4e6)).status).toBe(400);
  const over = await send('/runs/run-a/records', 6e6);
  expect(await over.json()).toMatchObject({ status: 413, detail: expect.stringContaining('5 MB') });
});

test('unknown addresses are 404, known ones under another method 405 with what they take', async () => {
  const unknown = await service.app.inject({ url: '/api/v1/nothing', headers: service.as('viewer') });
  expect(unknown.json()).toMatchObject(problem({ status: 404, code: 'NOT_FOUND' }));
  const wrong = await service.app.inject({ method: 'DELETE', url: '/api/v1/runs/run-a', headers: service.as('admin') });
  expect(wrong.json()).toMatchObject(problem({ status: 405, code: 'METHOD_NOT_ALLOWED' }));
  expect(wrong.headers.allow).toBe('GET, HEAD, PATCH');
  const run = await service.app.inject({ url: '/api/v1/runs/none', headers: service.as('viewer') });
  expect(run.json()).toMatchObject(problem({ status: 404 }));
});

test('the root leads browsers to the documentation, programs get a problem', async () => {
  const browser = await service.app.inject({ url: '/', headers: { accept: 'text/html,application/xhtml+xml' } });
  expect([browser.statusCode, browser.headers.location]).toEqual([302, '/docs']);
  const program = await service.app.inject({ url: '/', headers: { accept: '*/*' } });
  expect(program.json()).toMatchObject(problem({ status: 404, code: 'NOT_FOUND' }));
});

test.each([
  [new DroverError('NOT_ALLOWED_NOW', 'run is paused'), 409, undefined],
  [new DroverError('BAD_REQUEST', 'no such entity'), 422, undefined],
  [new DroverError('CONFIGURATION', 'BUBBLE_API_KEY is missing'), 422, undefined],
  [new DroverError('PLAN_VERSION', 'begun under 1'), 409, undefined],
  [new DroverError('DATABASE_UNAVAILABLE', 'PostgreSQL: canary-2 refused'), 503, '1'],
  [new DroverError('BREAKER_OPEN', 'closed', { retryAfterMs: 4_200 }), 503, '5'],
])('%s becomes %d', async (error, status, retryAfter) => {
  service.control.failure = error;
  const answer = await service.app.inject({
    url: `/api/v1/runs/${status}-${error.code}`,
    headers: service.as('viewer'),
  });
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toMatchObject(problem({ status, code: error.code, remedy: error.remedy }));
  expect(answer.headers['retry-after']).toBe(retryAfter);
  expect(answer.body).not.toContain('canary-2');
});

test('an unexpected error shows no details, and the log names it without its data', async () => {
  const error = Object.assign(new Error('duplicate key canary-3'), { detail: 'Key (email)=(canary-4)', code: '23505' });
  service.control.failure = error;
  const answer = await service.app.inject({ url: '/api/v1/runs/run-x', headers: service.as('viewer') });
  expect(answer.json()).toMatchObject(problem({ status: 500, code: 'INTERNAL' }));
  const line = service
    .log()
    .split('\n')
    .find((text) => text.includes('"code":"23505"'));
  expect(line).toContain(String(answer.headers['x-request-id']));
  expect(/canary-[34]/.test(answer.body + service.log())).toBe(false);
});
