import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireAccess } from '../../src/api/auth/access.ts';
import type { Api } from '../../src/api/types.ts';
import { roles } from '../../src/contract/runs.ts';
import { startService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
/** Every route that was registered, board and docs included, with who may call it. */
let routes: { method: string; url: string; access: string }[];

beforeAll(async () => {
  service = await startService();
  await service.app.ready();
  routes = service.app.declaredRoutes().filter(({ method }) => method !== 'HEAD');
});
afterAll(() => service.stop());

// Some reports are for operators only; the log is for everyone.
const addressOf = (url: string) =>
  url.replace('reports/:name', 'reports/x.log').replace(/:\w+/g, 'x').replace('*', 'x');

test('every route of the contract exists', () => {
  const have = routes.map(({ method, url }) => `${method} ${url}`);
  const surface = `
    GET /plans, GET /plans/:plan, POST /runs, GET /runs, GET /runs/:id, GET /runs/:id/events, PATCH /runs/:id,
    POST /runs/:id/pause, POST /runs/:id/resume, POST /runs/:id/cancel, POST /runs/:id/retry, POST /runs/:id/validate,
    POST /runs/:id/reconcile,
    POST /runs/:id/rollback, POST /runs/:id/records, GET /runs/:id/records, GET /records, GET /runs/:id/failures,
    POST /runs/:id/failures/:group/replay, GET /runs/:id/validation, GET /runs/:id/reports,
    GET /runs/:id/reports/:name, GET /queues, POST /queues/:name/pause, POST /queues/:name/resume, GET /workers,
    GET /upstreams, PATCH /upstreams/:name, GET /audit, POST /keys, DELETE /keys/:id,
    POST /webhooks/stripe, GET /webhooks`
    .split(',')
    .map((line) => line.trim().replace(' /', ' /api/v1/'));
  expect(have).toEqual(expect.arrayContaining(surface));
  for (const root of ['/board', '/openapi.json', '/healthz', '/readyz', '/metrics', '/login']) {
    expect(have).toContain(`GET ${root}`);
  }
});

test('the open routes are listed', () => {
  const open = routes.filter(({ access, url }) => access === 'open' && !url.startsWith('/docs'));
  expect(open.map(({ method, url }) => `${method} ${url}`).sort()).toEqual([
    'DELETE /api/v1/session',
    'GET /healthz',
    'GET /login',
    'GET /openapi.json',
    'GET /readyz',
    'POST /api/v1/session',
    // Its signature is its key: integration/webhooks.
    'POST /api/v1/webhooks/stripe',
    'POST /api/webhooks/stripe',
    'POST /login',
  ]);
});

test('without a key every closed route answers 401 with a remedy', async () => {
  for (const { method, url } of routes.filter(({ access }) => access !== 'open')) {
    const answer = await service.app.inject({ method: method as 'GET', url: addressOf(url) });
    expect([method, url, answer.statusCode]).toEqual([method, url, 401]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', remedy: expect.any(String) });
  }
});

describe.each(roles)('%s', (role) => {
  test('is refused what needs a higher role, and only that', async () => {
    for (const { method, url, access } of routes.filter((route) => route.access !== 'open')) {
      if (url.endsWith('/events')) continue;
      const headers = service.as(role);
      const answer = await service.app.inject({ method: method as 'GET', url: addressOf(url), headers });
      const low = roles.indexOf(role) < roles.indexOf(access as (typeof roles)[number]);
      // The board refuses operators most changes by its own rule.
      const byRule = url.startsWith('/board') && method !== 'GET';
      if (low || !byRule) expect([method, url, answer.statusCode === 403]).toEqual([method, url, low]);
      expect([method, url, answer.statusCode]).not.toEqual([method, url, 401]);
      expect([method, url, answer.statusCode]).not.toEqual([method, url, 500]);
    }
  });
});

test('a route without declared access is refused at registration', async () => {
  const app = Fastify() as unknown as Api;
  requireAccess(app);
  expect(() => app.get('/', async () => 'hello')).toThrow('does not declare its access');
  expect(() => app.get('/', { config: { access: 'viewer' } }, async () => 'hello')).not.toThrow();
});

test.each([
  ['no scheme', 'abc'],
  ['basic', 'Basic YTpi'],
  ['unknown id', 'Bearer nobody.secret'],
  ['no dot', 'Bearer secret'],
])('a wrong authorization header (%s) is 401', async (_name, authorization) => {
  const answer = await service.app.inject({ url: '/api/v1/runs', headers: { authorization } });
  expect(answer.statusCode).toBe(401);
});

test('a right id with a wrong secret is 401', async () => {
  const id = service.keys.admin.split('.')[0];
  const headers = { authorization: `Bearer ${id}.${'x'.repeat(43)}` };
  expect((await service.app.inject({ url: '/api/v1/runs', headers })).statusCode).toBe(401);
});
