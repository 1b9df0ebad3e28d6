import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../helpers/api-service.ts';
import { runView } from '../helpers/control-double.ts';

const perSecond = 50;
let service: TestService;
beforeAll(async () => {
  service = await startService({ rateLimit: perSecond });
  service.control.put(runView('run-a', 'running'));
});
afterAll(() => service.stop());

/** Sends the requests at once from one address; returns the responses and the least number that must be refused. */
async function flood(count: number, url: string, headers: Record<string, string>, remoteAddress = '127.0.0.1') {
  const begun = performance.now();
  const request = { url, headers, remoteAddress };
  const answers = await Promise.all(Array.from({ length: count }, () => service.app.inject(request)));
  const limited = answers.filter(({ statusCode }) => statusCode === 429);
  // The allowance of one second at once, and that of each further second that a busy machine takes.
  const mayPass = Math.ceil(perSecond * (1 + (performance.now() - begun) / 1_000));
  return { answers, limited, least: count - mayPass };
}

test('a key above the limit gets 429 with retry-after; other keys and health checks are not limited', async () => {
  const { limited, least } = await flood(300, '/api/v1/workers', service.as('viewer'));
  expect(limited.length).toBeGreaterThanOrEqual(least);
  expect(limited[0]?.headers['retry-after']).toBe('1');
  expect(limited[0]?.json()).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS', remedy: expect.any(String) });
  expect((await service.app.inject({ url: '/api/v1/workers', headers: service.as('operator') })).statusCode).toBe(200);
  expect((await flood(300, '/healthz', {})).limited).toHaveLength(0);
});

test('an address that guesses keys is limited, and so are public pages', async () => {
  const { answers, limited, least } = await flood(
    300,
    '/api/v1/workers',
    { authorization: 'Bearer dk_1.guess' },
    '10.0.0.1',
  );
  expect(limited.length).toBeGreaterThanOrEqual(least);
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([401, 429]));
  const open = await flood(300, '/openapi.json', {}, '10.0.0.2');
  expect(open.limited.length).toBeGreaterThanOrEqual(open.least);
});

test('one run may be read far more often, because it is cached', async () => {
  expect((await flood(300, '/api/v1/runs/run-a', service.as('viewer'))).limited).toHaveLength(0);
});
