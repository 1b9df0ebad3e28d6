import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const start = (key: string, payload: object = { plan: 'bubble' }, role: 'operator' | 'admin' = 'operator') =>
  service.app.inject({
    method: 'POST',
    url: '/api/v1/runs',
    payload,
    headers: { ...service.as(role), 'idempotency-key': key },
  });

const runsNow = async () => (await service.control.runs({})).items.length;

test('the same request again gets the first answer again, and nothing is done', async () => {
  const key = randomUUID();
  const first = await start(key);
  const before = await runsNow();
  const second = await start(key);
  expect([first.statusCode, second.statusCode]).toEqual([202, 202]);
  expect(second.json()).toEqual(first.json());
  expect(second.headers.location).toBe(first.headers.location);
  expect(first.headers['idempotent-replayed']).toBeUndefined();
  expect(second.headers['idempotent-replayed']).toBe('true');
  expect(await runsNow()).toBe(before);
});

test('the same key with another body is refused', async () => {
  const key = randomUUID();
  await start(key);
  const other = await start(key, { plan: 'bubble', dryRun: true });
  expect(other.statusCode).toBe(422);
  expect(other.json().code).toBe('IDEMPOTENCY_KEY_REUSED');
});

test('twenty concurrent requests are carried out once: the others wait or get its response', async () => {
  const before = await runsNow();
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => start(key)));
  expect(await runsNow()).toBe(before + 1);
  for (const answer of answers) expect([202, 409]).toContain(answer.statusCode);
  for (const busy of answers.filter(({ statusCode }) => statusCode === 409)) {
    expect(busy.json().code).toBe('IDEMPOTENCY_KEY_BUSY');
    expect(busy.headers['retry-after']).toBe('1');
  }
});

test('a refused request leaves its key free for the corrected one', async () => {
  const key = randomUUID();
  expect((await start(key, { plan: 'none' })).statusCode).toBe(404);
  expect((await start(key, { plan: 'bubble' })).statusCode).toBe(202);
});

test('callers do not share keys', async () => {
  const key = randomUUID();
  const mine = await start(key);
  const theirs = await start(key, { plan: 'bubble' }, 'admin');
  expect(theirs.json().id).not.toBe(mine.json().id);
});

test('a request whose process died is not repeated, and its response names where to look', async () => {
  const key = randomUUID();
  await start(key);
  await service.database.$client.query(
    `UPDATE drover.idempotency SET status = NULL, created_at = now() - interval '10 minutes' WHERE key = $1`,
    [key],
  );
  const again = await start(key);
  expect(again.statusCode).toBe(409);
  expect(again.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_LOST', remedy: expect.stringContaining('/api/v1/runs') });
});

test('a long request does not count as lost while it is in progress', async () => {
  const { idempotency } = service.deps;
  const age = (key: string) =>
    service.database.$client.query(
      `UPDATE drover.idempotency SET created_at = now() - interval '10 minutes' WHERE key = $1`,
      [key],
    );
  await idempotency.reserve('me', 'long', 'hash');
  await age('long');
  await idempotency.touch('me', 'long');
  expect(await idempotency.reserve('me', 'long', 'hash')).toEqual({ kind: 'running' });
  await age('long');
  expect(await idempotency.reserve('me', 'long', 'hash')).toEqual({ kind: 'unknown' });
});

test('a malformed key is refused', async () => {
  expect((await start('has spaces')).statusCode).toBe(400);
  expect((await start('x'.repeat(256))).statusCode).toBe(400);
});

test('responses older than a day are deleted', async () => {
  const key = randomUUID();
  await start(key);
  await service.database.$client.query(
    `UPDATE drover.idempotency SET created_at = now() - interval '2 days' WHERE key = $1`,
    [key],
  );
  await service.deps.idempotency.purge();
  expect((await start(key)).headers['idempotent-replayed']).toBeUndefined();
});

test('a key made twice with one Idempotency-Key is one key, and its secret is kept nowhere', async () => {
  const make = () =>
    service.app.inject({
      method: 'POST',
      url: '/api/v1/keys',
      payload: { name: 'twice', role: 'viewer' },
      headers: { ...service.as('admin'), 'idempotency-key': 'keys-1' },
    });
  const first = (await make()).json();
  const second = (await make()).json();
  expect(second).toEqual({ ...first, key: null });
  const { rows } = await service.database.$client.query(
    `SELECT row_to_json(i)::text AS text FROM drover.idempotency i UNION ALL SELECT row_to_json(k)::text FROM drover.keys k`,
  );
  const stored = rows.map(({ text }) => text).join();
  expect(stored.includes(String(first.key).split('.')[1] ?? 'no secret')).toBe(false);
});
