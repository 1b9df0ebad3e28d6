import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../helpers/api-service.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
  service.control.put(runView('run-a', 'running'));
});
afterAll(() => service.stop());

const post = (payload: string | Buffer) =>
  service.app.inject({
    method: 'POST',
    url: '/api/v1/runs/run-a/pause',
    payload,
    headers: { ...service.as('operator'), 'content-type': 'application/json' },
  });

test.each([
  ['a lone surrogate', '{"reason":"a \\ud800 b"}', 'surrogate'],
  ['a lone surrogate in a name', '{"reason":"a","\\udc00":1}', 'surrogate'],
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from('{"reason":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    'UTF-8',
  ],
  ['20,000 levels', `{"reason":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'levels'],
])('a body with %s is refused with 400', async (_name, body, detail) => {
  const answer = await post(body);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({ code: 'BAD_REQUEST', detail: expect.stringContaining(detail) });
});

test('text outside the basic plane is accepted', async () => {
  expect((await post('{"reason":"\\ud83d\\ude00 \u{1f600}"}')).statusCode).toBe(200);
});

test.each(['/api/v1/runs/%', '/api/v1/runs/%ff', '/api/v1/audit?actor=%ED%A0%80', '/%c0%80', '/api/v1/runs/a%00b'])(
  'the malformed address %s is answered with problem details',
  async (url) => {
    const answer = await service.app.inject({ url, headers: service.as('operator') });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status: 400, code: 'BAD_REQUEST', remedy: expect.any(String) });
  },
);
