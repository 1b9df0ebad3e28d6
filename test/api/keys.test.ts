import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { createAuditLog } from '../../db/stores/audit.ts';
import { createKeyStore } from '../../db/stores/keys.ts';
import { ensureAdminKey } from '../../src/api/auth/keys.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { createDatabase } from '../helpers/database.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const asAdmin = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
  service.app.inject({ method, url, headers: service.as('admin'), ...(payload ? { payload } : {}) });
const make = async (body: object) => (await asAdmin('POST', '/api/v1/keys', body)).json();
const tryKey = async (key: string) =>
  (await service.app.inject({ url: '/api/v1/runs', headers: { authorization: `Bearer ${key}` } })).statusCode;

test('a key is shown once, works with its role, and stops when it is revoked', async () => {
  const made = await make({ name: 'support', role: 'viewer' });
  expect(made.key).toMatch(/^dk_[0-9a-f]{16}\.[\w-]{43}$/);
  expect(await tryKey(made.key)).toBe(200);
  const { items } = (await asAdmin('GET', '/api/v1/keys')).json();
  const listed = items.find(({ id }: { id: string }) => id === made.id);
  expect(listed).toMatchObject({ name: 'support', role: 'viewer', revokedAt: null });
  expect(listed).not.toHaveProperty('key');
  expect(listed).not.toHaveProperty('secretHash');
  const ended = await asAdmin('DELETE', `/api/v1/keys/${made.id}`, { reason: 'left the company' });
  expect(ended.statusCode).toBe(204);
  expect(await tryKey(made.key)).toBe(401);
  expect((await asAdmin('DELETE', `/api/v1/keys/${made.id}`, { reason: 'again' })).statusCode).toBe(404);
});

test('an expired key is refused', async () => {
  const made = await make({ name: 'old', role: 'viewer', expiresAt: '2999-01-01T00:00:00Z' });
  await service.database.$client.query(`UPDATE drover.keys SET expires_at = now() WHERE id = $1`, [made.id]);
  expect(await tryKey(made.key)).toBe(401);
});

test('an expiry in the past is refused with its field', async () => {
  const payload = { name: 'old', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' };
  const answer = await asAdmin('POST', '/api/v1/keys', payload);
  expect(answer.statusCode).toBe(400);
  expect(answer.json().errors).toEqual([{ path: 'body.expiresAt', message: 'is in the past' }]);
});

test('keys are returned in pages', async () => {
  for (const name of ['a', 'b', 'c']) await make({ name, role: 'viewer' });
  const seen: string[] = [];
  let cursor: string | null = '';
  do {
    const page: { items: { id: string }[]; nextCursor: string | null } = (
      await asAdmin('GET', `/api/v1/keys?limit=2${cursor ? `&cursor=${cursor}` : ''}`)
    ).json();
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  const { rows } = await service.database.$client.query('SELECT id FROM drover.keys');
  expect(seen.length).toBe(rows.length);
  expect(new Set(seen).size).toBe(rows.length);
  expect((await asAdmin('GET', '/api/v1/keys?cursor=%25')).statusCode).toBe(422);
});

describe('the last admin key', () => {
  test('cannot be revoked, also not by two concurrent revocations of each other', async () => {
    const other = await make({ name: 'second', role: 'admin' });
    const mine = String(service.keys.admin.split('.')[0]);
    const revoke = (id: string, key: string) =>
      service.app.inject({
        method: 'DELETE',
        url: `/api/v1/keys/${id}`,
        payload: { reason: 'mutiny' },
        headers: { authorization: `Bearer ${key}` },
      });
    const answers = await Promise.all([revoke(mine, other.key), revoke(other.id, service.keys.admin)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([204, 409]);
  });
});

describe('the first start', () => {
  const started = async (work: (database: ReturnType<typeof openDatabase>) => Promise<void>) => {
    const place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
    const database = openDatabase({ url: place.url, applicationName: 'test', onError: () => undefined });
    try {
      await work(database);
      expect((await createAuditLog(database).verify()).ok).toBe(true);
    } finally {
      await database.$client.end();
      await place.drop();
    }
  };

  test('one of ten processes that start at once makes a key', () =>
    started(async (database) => {
      const keys = createKeyStore(database);
      const firsts = await Promise.all(Array.from({ length: 10 }, () => ensureAdminKey(keys, undefined)));
      expect(firsts.filter(({ kind }) => kind === 'made')).toHaveLength(1);
      expect(await keys.list({ limit: 10 })).toHaveLength(1);
      expect(await ensureAdminKey(keys, undefined)).toEqual({ kind: 'there already' });
    }));

  test('DROVER_ADMIN_KEY becomes a key, also later, and a revoked one stays revoked', () =>
    started(async (database) => {
      const keys = createKeyStore(database);
      const results = async (key: string) => {
        const first = await ensureAdminKey(keys, key);
        return first.kind === 'given' ? [first.id, first.result] : first.kind;
      };
      expect(await Promise.all([results('ops.first-secret'), results('ops.first-secret')])).toEqual(
        expect.arrayContaining([
          ['ops', 'created'],
          ['ops', 'kept'],
        ]),
      );
      expect(await results('ops.second-secret')).toEqual(['ops', 'changed']);
      expect(await results('a-bare-secret')).toEqual(['admin', 'created']);
      await keys.revoke('ops', { actor: 'admin', role: 'admin', action: 'key.revoke', subject: 'key:ops' });
      expect(await results('ops.second-secret')).toEqual(['ops', 'revoked']);
    }));
});
