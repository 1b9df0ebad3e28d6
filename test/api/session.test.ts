import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../helpers/api-service.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const origin = 'http://drover.test';
const host = 'drover.test';

async function signIn(role: 'viewer' | 'operator' | 'admin'): Promise<string> {
  const answer = await service.app.inject({
    method: 'POST',
    url: '/api/v1/session',
    payload: { key: service.keys[role] },
  });
  expect(answer.statusCode).toBe(201);
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}

const pause = (headers: Record<string, string>) => {
  service.control.put(runView('run-a', 'running'));
  return service.app.inject({
    method: 'POST',
    url: '/api/v1/runs/run-a/pause',
    payload: { reason: 'test' },
    headers: { host, ...headers },
  });
};

test('a key signs in, the cookie is out of reach of scripts and other sites, and signing out ends it', async () => {
  const answer = await service.app.inject({
    method: 'POST',
    url: '/api/v1/session',
    payload: { key: service.keys.viewer },
  });
  expect(answer.json()).toMatchObject({ role: 'viewer', expiresAt: expect.any(String) });
  expect(answer.headers['set-cookie']).toMatch(/HttpOnly; SameSite=Strict/);
  const cookie = String(answer.headers['set-cookie']).split(';')[0] ?? '';
  expect((await service.app.inject({ url: '/api/v1/session', headers: { cookie } })).json().role).toBe('viewer');
  const out = await service.app.inject({ method: 'DELETE', url: '/api/v1/session', headers: { cookie, origin, host } });
  expect(out.statusCode).toBe(204);
  expect(out.headers['set-cookie']).toMatch(/drover_session=;/);
});

test('a wrong key does not sign in', async () => {
  const answer = await service.app.inject({ method: 'POST', url: '/api/v1/session', payload: { key: 'no.key' } });
  expect(answer.statusCode).toBe(401);
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test('a changed, a foreign and an expired cookie are refused', async () => {
  const cookie = await signIn('admin');
  const viewer = service.keys.viewer.split('.')[0];
  const admin = service.keys.admin.split('.')[0];
  for (const bad of [
    `${cookie}x`,
    cookie.replace(String(admin), String(viewer)),
    cookie.replace(/\.\d+\./, '.99999999999999.'),
  ]) {
    expect((await service.app.inject({ url: '/api/v1/runs', headers: { cookie: bad } })).statusCode).toBe(401);
  }
});

test('a change by cookie needs proof of the same origin', async () => {
  const cookie = await signIn('operator');
  expect((await pause({ cookie })).statusCode).toBe(403);
  expect((await pause({ cookie, origin: 'https://evil.example' })).json().code).toBe('CROSS_ORIGIN');
  expect((await pause({ cookie, origin: 'null' })).statusCode).toBe(403);
  expect((await pause({ cookie, 'sec-fetch-site': 'cross-site' })).statusCode).toBe(403);
  expect((await pause({ cookie, 'sec-fetch-site': 'same-site' })).statusCode).toBe(403);
  expect((await pause({ cookie, 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' })).statusCode).toBe(
    403,
  );
  expect((await pause({ cookie, origin })).statusCode).toBe(200);
  expect((await pause({ cookie, 'sec-fetch-site': 'same-origin' })).statusCode).toBe(200);
  // A program with a key has no cookie that could be abused.
  expect((await pause({ ...service.as('operator'), origin: 'https://evil.example' })).statusCode).toBe(200);
});

test('a session ends with its key', async () => {
  const made = await service.app.inject({
    method: 'POST',
    url: '/api/v1/keys',
    payload: { name: 'short', role: 'viewer' },
    headers: service.as('admin'),
  });
  const { id, key } = made.json();
  const answer = await service.app.inject({ method: 'POST', url: '/api/v1/session', payload: { key } });
  const cookie = String(answer.headers['set-cookie']).split(';')[0] ?? '';
  const look = async () => (await service.app.inject({ url: '/api/v1/runs', headers: { cookie } })).statusCode;
  expect(await look()).toBe(200);
  await service.app.inject({
    method: 'DELETE',
    url: `/api/v1/keys/${id}`,
    payload: { reason: 'over' },
    headers: service.as('admin'),
  });
  expect(await look()).toBe(401);
});

const form = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  service.app.inject({
    method: 'POST',
    url: '/login',
    payload: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', host, origin, ...headers },
  });

test('the sign-in page redirects back, and only to this service', async () => {
  const page = await service.app.inject({
    url: '/login?next=/board/queue/load%3Fa=1',
    headers: { accept: 'text/html' },
  });
  expect(page.body).toContain('value="/board/queue/load?a=1"');
  const done = await form({ key: service.keys.viewer, next: '/board/queue/load' });
  expect([done.statusCode, done.headers.location]).toEqual([303, '/board/queue/load']);
  for (const next of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/"><script>',
  ]) {
    const safe = next === '/"><script>';
    const answer = await form({ key: service.keys.viewer, next });
    if (!safe) expect([next, answer.headers.location]).toEqual([next, '/board']);
    const shown = await service.app.inject({ url: `/login?next=${encodeURIComponent(next)}` });
    expect(shown.body).not.toContain('<script>');
  }
});

test('the sign-in page refuses a wrong key and a form from another origin', async () => {
  const wrong = await form({ key: 'no.key', next: '/board' });
  expect([wrong.statusCode, wrong.headers['set-cookie']]).toEqual([401, undefined]);
  const foreign = await form({ key: service.keys.viewer, next: '/board' }, { origin: 'https://evil.example' });
  expect([foreign.statusCode, foreign.headers['set-cookie']]).toEqual([403, undefined]);
});
