import { afterAll, beforeAll, expect, test } from 'vitest';
import { runView } from './api-control-double.ts';
import { startService, type TestService } from './api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ rateLimit: 50 });
  service.control.put(runView('run-a', 'running'));
});
afterAll(() => service.stop());

/** How often each status came back when so many requests are sent at once. */
async function flood(count: number, url: string, headers: Record<string, string>) {
  const answers = await Promise.all(Array.from({ length: count }, () => service.app.inject({ url, headers })));
  const limited = answers.filter(({ statusCode }) => statusCode === 429);
  return { answers, limited };
}
const nextSecond = () => new Promise((done) => setTimeout(done, 1_100));

test('a key that asks too often is told when to come back; other keys and health are not held up', async () => {
  const { limited } = await flood(300, '/api/v1/workers', service.as('viewer'));
  expect(limited.length).toBeGreaterThanOrEqual(200);
  expect(limited[0]?.headers['retry-after']).toBe('1');
  expect(limited[0]?.json()).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS', remedy: expect.any(String) });
  expect((await service.app.inject({ url: '/api/v1/workers', headers: service.as('operator') })).statusCode).toBe(200);
  expect((await flood(300, '/healthz', {})).limited).toHaveLength(0);
});

test('an address that tries keys is stopped, and so are open pages', async () => {
  await nextSecond();
  const { answers, limited } = await flood(300, '/api/v1/workers', { authorization: 'Bearer dk_1.guess' });
  expect(limited.length).toBeGreaterThanOrEqual(200);
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([401, 429]));
  await nextSecond();
  expect((await flood(300, '/openapi.json', {})).limited.length).toBeGreaterThanOrEqual(200);
});

test('one run may be read far more often: it costs nothing', async () => {
  await nextSecond();
  expect((await flood(300, '/api/v1/runs/run-a', service.as('viewer'))).limited).toHaveLength(0);
});
