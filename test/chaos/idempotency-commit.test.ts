import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { startTcpProxy, type TcpProxy } from './proxies.ts';

// The connection to PostgreSQL ends at a COMMIT of the API: after it, so that the change is made and the API does not know,
// or before it, so that nothing was changed. The client repeats its request with the same Idempotency-Key either way.

let service: TestService;
let proxy: TcpProxy;

beforeAll(async () => {
  const plans = await loadPlans();
  const config = readConfig({});
  service = await startService(
    {},
    async (database) => openControl({ database, target: database, plans, config }),
    plans,
    async (url) => {
      proxy = await startTcpProxy(Number(new URL(url).port));
      const proxied = new URL(url);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(proxy.port);
      return proxied.href;
    },
  );
});
afterAll(async () => {
  await service.stop();
  await proxy.close();
});

const requests = [
  { url: '/api/v1/keys', payload: { name: 'once', role: 'viewer' }, table: 'keys', column: 'name', value: 'once' },
  { url: '/api/v1/runs', payload: { plan: 'bubble', dryRun: true }, table: 'runs', column: 'plan', value: 'bubble' },
  {
    url: '/api/v1/queues/load/pause',
    payload: { reason: 'once' },
    table: 'audit',
    column: 'action',
    value: 'queue.pause',
  },
];

const rowsOf = async ({ table, column, value }: (typeof requests)[number]): Promise<number> => {
  const { rows } = await service.database.$client.query(
    `SELECT count(*)::int AS n FROM drover.${table} WHERE ${column} = $1`,
    [value],
  );
  return rows[0].n;
};

test.each(requests)(
  '$url: after a lost reply to the commit, the same key does not repeat the change',
  async (request) => {
    const before = await rowsOf(request);
    const key = randomUUID();
    const send = () =>
      service.app.inject({
        method: 'POST',
        url: request.url,
        payload: request.payload,
        headers: { ...service.as('admin'), 'idempotency-key': key },
      });
    proxy.cutAtCommit('reply');
    const first = await send();
    expect(first.statusCode).toBe(503);
    const second = await send();
    expect(second.statusCode).toBe(409);
    expect(second.json()).toMatchObject({
      code: 'IDEMPOTENCY_KEY_LOST',
      detail: expect.stringContaining('took effect'),
    });
    expect((await send()).json()).toEqual(second.json());
    expect(await rowsOf(request)).toBe(before + 1);
  },
);

test.each(requests)('$url: a commit that PostgreSQL did not receive leaves the key free', async (request) => {
  const before = await rowsOf(request);
  const key = randomUUID();
  const send = () =>
    service.app.inject({
      method: 'POST',
      url: request.url,
      payload: request.payload,
      headers: { ...service.as('admin'), 'idempotency-key': key },
    });
  proxy.cutAtCommit('request');
  expect((await send()).statusCode).toBe(503);
  const second = await send();
  expect(second.statusCode).toBeLessThan(300);
  expect((await send()).json().id).toBe(second.json().id);
  expect(await rowsOf(request)).toBe(before + 1);
});
