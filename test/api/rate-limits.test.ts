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

/** How often each status came back when so many requests are sent at once, and how many must have been turned away. */
async function flood(count: number, url: string, headers: Record<string, string>) {
  const begun = performance.now();
  const answers = await Promise.all(Array.from({ length: count }, () => service.app.inject({ url, headers })));
  const limited = answers.filter(({ statusCode }) => statusCode === 429);
  // A second's worth goes through at once, and another with each second that a busy machine takes over them.
  const mayPass = Math.ceil(perSecond * (1 + (performance.now() - begun) / 1_000));
  return { answers, limited, least: count - mayPass };
}
const nextSecond = () => new Promise((done) => setTimeout(done, 1_100));

test('a key that asks too often is told when to come back; other keys and health are not held up', async () => {
  const { limited, least } = await flood(300, '/api/v1/workers', service.as('viewer'));
  expect(limited.length).toBeGreaterThanOrEqual(least);
  expect(limited[0]?.headers['retry-after']).toBe('1');
  expect(limited[0]?.json()).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS', remedy: expect.any(String) });
  expect((await service.app.inject({ url: '/api/v1/workers', headers: service.as('operator') })).statusCode).toBe(200);
  expect((await flood(300, '/healthz', {})).limited).toHaveLength(0);
});

test('an address that tries keys is stopped, and so are open pages', async () => {
  await nextSecond();
  const { answers, limited, least } = await flood(300, '/api/v1/workers', { authorization: 'Bearer dk_1.guess' });
  expect(limited.length).toBeGreaterThanOrEqual(least);
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([401, 429]));
  await nextSecond();
  const open = await flood(300, '/openapi.json', {});
  expect(open.limited.length).toBeGreaterThanOrEqual(open.least);
});

test('one run may be read far more often: it costs nothing', async () => {
  await nextSecond();
  expect((await flood(300, '/api/v1/runs/run-a', service.as('viewer'))).limited).toHaveLength(0);
});
