import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
let base: string;
beforeAll(async () => {
  service = await startService();
  service.control.put(runView('run-a', 'running'));
  await service.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}/api/v1`;
});
afterAll(() => service.stop());

const inject = (ip: string, authorization: string) =>
  service.app.inject({ url: '/api/v1/workers', headers: { authorization }, remoteAddress: ip });

const makeKey = async (): Promise<{ id: string; key: string }> => {
  const payload = { name: 'for a test', role: 'viewer' };
  const url = '/api/v1/keys';
  return (await service.app.inject({ method: 'POST', url, payload, headers: service.as('admin') })).json();
};
const revoke = (id: string) =>
  service.app.inject({
    method: 'DELETE',
    url: `/api/v1/keys/${id}`,
    payload: { reason: 'test' },
    headers: service.as('admin'),
  });

describe('wrong keys', () => {
  test('are limited by address, logged with it and without any secret, and counted', async () => {
    for (let n = 0; n < 10; n += 1) expect((await inject('192.0.2.1', `Bearer dk_${n}.canary-1`)).statusCode).toBe(401);
    const limited = await inject('192.0.2.1', 'Bearer dk_x.canary-1');
    expect(limited.statusCode).toBe(429);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    expect((await inject('192.0.2.2', 'Bearer dk_x.canary-1')).statusCode).toBe(401);
    const lines = service
      .log()
      .split('\n')
      .filter((line) => line.includes('wrong key'));
    expect(lines.filter((line) => line.includes('"ip":"192.0.2.1"'))).toHaveLength(10);
    expect(service.log()).not.toContain('canary-1');
    const metrics = await service.app.inject({ url: '/metrics', headers: service.as('viewer') });
    expect(metrics.body).toContain('drover_sign_in_failures_total{via="header"} 11');
  });

  test('are limited by key id, but an address where the key was right before goes on', async () => {
    const { id, key } = await makeKey();
    expect((await inject('192.0.2.10', `Bearer ${key}`)).statusCode).toBe(200);
    for (let n = 0; n < 10; n += 1) {
      expect((await inject(`192.0.3.${n}`, `Bearer ${id}.wrong`)).statusCode).toBe(401);
    }
    expect((await inject('192.0.3.99', `Bearer ${id}.wrong`)).statusCode).toBe(429);
    expect((await inject('192.0.2.10', `Bearer ${key}`)).statusCode).toBe(200);
    const line = service
      .log()
      .split('\n')
      .find((text) => text.includes('"ip":"192.0.3.1"'));
    expect(line).toContain(`"keyId":"${id}"`);
  });
});

describe('event streams', () => {
  const follow = async (headers: Record<string, string>) => fetch(`${base}/runs/run-a/events`, { headers });
  /** Resolves when the server ends the stream. */
  const untilEnd = async (answer: Response) => {
    for await (const _ of answer.body as ReadableStream<Uint8Array>);
  };

  test('end when their key is revoked', async () => {
    const { id, key } = await makeKey();
    const answer = await follow({ authorization: `Bearer ${key}` });
    expect(answer.status).toBe(200);
    expect((await revoke(id)).statusCode).toBe(204);
    await untilEnd(answer);
  });

  test('end when the key was revoked by another process', async () => {
    const { id, key } = await makeKey();
    const answer = await follow({ authorization: `Bearer ${key}` });
    await service.database.$client.query('UPDATE drover.keys SET revoked_at = now() WHERE id = $1', [id]);
    await untilEnd(answer);
  });

  test('end when their session is signed out', async () => {
    const cookie = await cookieOf(service.keys.viewer);
    const answer = await follow({ cookie });
    await signOut(cookie);
    await untilEnd(answer);
  });

  test('are at most 100 for one key', async () => {
    const { id, key } = await makeKey();
    const headers = { authorization: `Bearer ${key}` };
    const answers = await Promise.all(Array.from({ length: 101 }, () => follow(headers)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    await revoke(id);
    await Promise.all(answers.map(untilEnd));
  });
});

async function cookieOf(key: string): Promise<string> {
  const answer = await service.app.inject({ method: 'POST', url: '/api/v1/session', payload: { key } });
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}

const signOut = (cookie: string) =>
  service.app.inject({
    method: 'DELETE',
    url: '/api/v1/session',
    headers: { cookie, host: 'drover.test', origin: 'http://drover.test' },
  });

test('a cookie that was signed out is refused, others of the same key are not', async () => {
  const [first, second] = [await cookieOf(service.keys.viewer), await cookieOf(service.keys.viewer)];
  const read = async (cookie: string) =>
    (await service.app.inject({ url: '/api/v1/session', headers: { cookie } })).statusCode;
  expect([await read(first), await read(second)]).toEqual([200, 200]);
  expect((await signOut(first)).statusCode).toBe(204);
  expect([await read(first), await read(second)]).toEqual([401, 200]);
});

describe('DROVER_TRUST_PROXY', () => {
  const addressSeen = async (value: string, forwarded: string): Promise<string> => {
    const trusting = await startService({ trustProxy: readConfig({ DROVER_TRUST_PROXY: value }).trustProxy });
    try {
      const headers = { authorization: 'Bearer dk_x.wrong', 'x-forwarded-for': forwarded };
      await trusting.app.inject({ url: '/api/v1/workers', headers, remoteAddress: '10.0.0.1' });
      return /"ip":"([^"]+)"/.exec(trusting.log())?.[1] ?? '';
    } finally {
      await trusting.stop();
    }
  };

  test.each([
    ['false', '10.0.0.1'],
    ['1', '203.0.113.7'],
    ['true', '203.0.113.7'],
    ['2', '198.51.100.1'],
    ['10.0.0.0/8', '203.0.113.7'],
    ['10.0.0.1, 203.0.113.7', '198.51.100.1'],
  ])('%s: the address is %s, never one that the client made up', async (value, address) => {
    expect(await addressSeen(value, '6.6.6.6, 198.51.100.1, 203.0.113.7')).toBe(address);
  });

  test.each(['yes', '10.0.0.0/33', '0.0.0.0/0', '10.0.0.256', '-1', '10.0.0.1/8/9', ','])('%s is refused', (value) => {
    expect(() => readConfig({ DROVER_TRUST_PROXY: value })).toThrow('DROVER_TRUST_PROXY');
  });
});

test.each([
  ['x'.repeat(31), false],
  ['x'.repeat(32), true],
  [`ops.${'x'.repeat(31)}`, false],
  [`ops.${'x'.repeat(32)}`, true],
])('DROVER_ADMIN_KEY %s is accepted: %s', (key, accepted) => {
  const read = () => readConfig({ DROVER_ADMIN_KEY: key });
  if (accepted) expect(read().adminKey).toBe(key);
  else expect(read).toThrow('32 characters');
});
