import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../src/sandbox/core/random.ts';
import { startControlService, type TestService } from '../helpers/api-service.ts';
import { createRequestFuzz, type FuzzRequest, type OpenApiDocument } from '../helpers/request-fuzz.ts';
import { signedRequest, webhookSecret } from '../helpers/stripe-events.ts';

// `npm run fuzz` sends 10,000 requests; FUZZ_REQUESTS and FUZZ_SEED repeat a run.
const requests = Number(process.env.FUZZ_REQUESTS ?? 500);
const seed = Number(process.env.FUZZ_SEED ?? 9);

let service: TestService;
beforeAll(async () => {
  service = await startControlService({ stripeWebhookSecrets: [webhookSecret] });
});
afterAll(() => service.stop());

const inject = ({ method, url, headers, payload }: FuzzRequest) =>
  service.app.inject({ method: method as 'GET', url, headers, ...(payload === undefined ? {} : { payload }) });

test(`no request makes the service fail: ${requests} requests over every route`, { timeout: 600_000 }, async () => {
  const { app } = service;
  const document = JSON.parse((await app.inject({ url: '/openapi.json' })).body) as OpenApiDocument;
  const headers = service.as('admin');
  const started = await app.inject({
    method: 'POST',
    url: '/api/v1/runs',
    payload: { plan: 'bubble', dryRun: true },
    headers,
  });
  const job = await service.producer.queues.get('load')?.add('load', { run: 'r', records: [['1', 1]] });
  const known = ['bubble', 'catalog', 'users', 'load', 'stripe', String(started.json().id), String(job?.id)];
  const random = new Random(seed);
  const next = createRequestFuzz(document, random, known);
  // An event stream of a run that exists does not end.
  const routes = app.declaredRoutes().filter(({ url }) => !url.endsWith('/events'));
  const failures: string[] = [];
  for (let n = 0; n < requests; n += 1) {
    const made = next(routes[n % routes.length] as (typeof routes)[number]);
    const request = { ...made, headers: { ...(random.chance(0.97) ? headers : {}), ...made.headers } };
    const answer = await inject(request);
    const { statusCode } = answer;
    const isProblem = String(answer.headers['content-type']).startsWith('application/problem+json');
    const isHtml = String(answer.headers['content-type']).startsWith('text/html');
    // The board answers some refusals in its own form, the sign-in page as a page.
    const isRefusal = isProblem || isHtml || request.method === 'HEAD' || request.url.startsWith('/board');
    if (statusCode >= 500 || (statusCode >= 400 && !isRefusal)) {
      failures.push(`${request.method} ${request.url} ${request.payload?.slice(0, 300)}: ${statusCode} ${answer.body}`);
    }
  }
  expect(failures).toEqual([]);
});

test('signed webhooks with any content are accepted or refused, never answered with 5xx', async () => {
  const contents = ['\ud800', 'a\u0000b', 'x'.repeat(5_000), -1, 1e308, null, [], { a: { b: {} } }];
  let deep: object = {};
  for (let n = 0; n < 1_500; n += 1) deep = { a: deep };
  for (const [index, content] of [...contents, deep].entries()) {
    for (const event of [
      { id: `evt_${index}`, object: 'event', type: 'product.updated', created: 1_760_000_000, livemode: false },
    ]) {
      const signed = signedRequest({ ...event, data: { object: { id: 'prod_1', value: content } } });
      const answer = await service.app.inject(signed);
      expect([index, answer.statusCode < 500]).toEqual([index, true]);
      expect((await service.app.inject(signedRequest({ ...event, data: content }))).statusCode).toBeLessThan(500);
      expect((await service.app.inject(signedRequest({ ...event, created: content }))).statusCode).toBeLessThan(500);
    }
  }
});

test.each([
  ['GET', '/login?key=a&key=b', undefined],
  ['GET', '/login?next=a&next=b', undefined],
  ['POST', '/login', 'key=a&key=b&next=/x&next=/y'],
])('%s %s with repeated fields is answered', async (method, url, payload) => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', host: 'a.test', origin: 'http://a.test' };
  const answer = await inject({ method, url, headers: payload === undefined ? {} : headers, payload });
  expect(answer.statusCode).toBeLessThan(500);
});
