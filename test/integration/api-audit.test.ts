import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runView } from './api-control-double.ts';
import { startService, type TestService } from './api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());
beforeEach(() => service.control.put(runView('run-a', 'running')));

const get = async (url: string) => (await service.app.inject({ url, headers: service.as('operator') })).json();
const rows = async () => (await service.database.$client.query('SELECT * FROM drover.audit ORDER BY id')).rows;

type Call = readonly [method: 'POST' | 'PATCH', url: string, body: object | undefined, action: string, subject: string];
const reason = 'because of a test';
const calls: readonly Call[] = [
  ['POST', '/runs', { plan: 'bubble', ids: ['a@example.com'] }, 'run.start', 'run:run-'],
  ['PATCH', '/runs/run-a', { batchSize: 50, reason }, 'run.change-batch-size', 'run:run-a'],
  ['POST', '/runs/run-a/pause', { reason }, 'run.pause', 'run:run-a'],
  ['POST', '/runs/run-a/resume', { reason }, 'run.resume', 'run:run-a'],
  ['POST', '/runs/run-a/cancel', { reason }, 'run.cancel', 'run:run-a'],
  ['POST', '/runs/run-a/retry', undefined, 'run.retry', 'run:run-a'],
  ['POST', '/runs/run-a/reconcile', { reason }, 'run.reconcile', 'run:run-a'],
  ['POST', '/runs/run-a/validate', undefined, 'run.validate', 'run:run-a'],
  ['POST', '/runs/run-a/rollback', { reason, dryRun: true }, 'run.rollback', 'run:run-a'],
  ['POST', '/runs/run-a/records', { entity: 'users', sourceIds: ['a@example.com'] }, 'run.enqueue', 'run:run-a'],
  ['POST', '/runs/run-a/failures/g1/replay', { reason }, 'run.replay', 'run:run-a'],
  ['POST', '/queues/load/pause', { reason }, 'queue.pause', 'queue:load'],
  ['POST', '/queues/load/resume', { reason }, 'queue.resume', 'queue:load'],
  ['PATCH', '/upstreams/bubble', { maxRps: 5, reason }, 'upstream.limit', 'upstream:bubble'],
];

describe.each(calls)('%s %s', (method, url, body, action, subject) => {
  const send = (payload: object | undefined) =>
    service.app.inject({
      method,
      url: `/api/v1${url}`,
      headers: service.as('operator'),
      ...(payload ? { payload } : {}),
    });

  test('leaves one row that says who, what and why, and holds no source id', async () => {
    const before = (await rows()).length;
    const answer = await send(body);
    expect(answer.statusCode).toBeLessThan(300);
    const added = (await rows()).slice(before);
    expect(added).toHaveLength(1);
    const actor = service.keys.operator.split('.')[0];
    expect(added[0]).toMatchObject({ actor, role: 'operator', action, subject: expect.stringContaining(subject) });
    expect(added[0].reason).toBe(body && 'reason' in body ? reason : null);
    expect(JSON.stringify(added[0])).not.toContain('example.com');
  });

  test('leaves none when it is refused', async () => {
    const before = (await rows()).length;
    expect((await send({ nonsense: true })).statusCode).toBe(400);
    expect(await rows()).toHaveLength(before);
  });
});

test('the log is read in pages and by actor and subject', async () => {
  const first = await get('/api/v1/audit?limit=3');
  expect(first.items).toHaveLength(3);
  const second = await get(`/api/v1/audit?limit=3&cursor=${first.nextCursor}`);
  expect(second.items[0].id).toBe(first.items[2].id - 1);
  expect(
    new Set((await get('/api/v1/audit?subject=run:run-a')).items.map((row: { subject: string }) => row.subject)),
  ).toEqual(new Set(['run:run-a']));
  expect(await get('/api/v1/audit?subject=run-a')).toEqual(await get('/api/v1/audit?subject=run:run-a'));
  expect((await get('/api/v1/audit?actor=nobody')).items).toEqual([]);
});

test('many changes at once make one chain', async () => {
  const { audit } = service.deps;
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      audit.append({
        actor: 'a',
        role: 'admin',
        action: 'test',
        subject: `n:${n}`,
        details: { z: 1, a: { c: [1], b: null } },
      }),
    ),
  );
  expect(await get('/api/v1/audit/verification')).toMatchObject({ ok: true, brokenAt: null });
});

describe('tampering', () => {
  const tamper = async (statement: string) => {
    const client = await service.database.$client.connect();
    try {
      await client.query('BEGIN');
      await client.query('ALTER TABLE drover.audit DISABLE TRIGGER audit_closed');
      await client.query(statement);
      await client.query('COMMIT');
    } finally {
      await client.query('ALTER TABLE drover.audit ENABLE TRIGGER audit_closed');
      client.release();
    }
  };

  test('is refused by the database', async () => {
    for (const statement of [
      'UPDATE drover.audit SET actor = NULL',
      'DELETE FROM drover.audit',
      'TRUNCATE drover.audit',
    ]) {
      await expect(service.database.$client.query(statement)).rejects.toThrow('append-only');
    }
  });

  test('shows, whether a row was changed or the newest cut off', async () => {
    const all = await rows();
    const middle = all[Math.floor(all.length / 2)];
    await tamper(`UPDATE drover.audit SET reason = 'none of your business' WHERE id = ${middle.id}`);
    expect(await get('/api/v1/audit/verification')).toMatchObject({ ok: false, brokenAt: Number(middle.id) });
    const text = middle.reason === null ? 'NULL' : `'${middle.reason}'`;
    await tamper(`UPDATE drover.audit SET reason = ${text} WHERE id = ${middle.id}`);
    expect((await get('/api/v1/audit/verification')).ok).toBe(true);
    await tamper(`DELETE FROM drover.audit WHERE id = ${all.at(-1).id}`);
    expect(await get('/api/v1/audit/verification')).toMatchObject({ ok: false, brokenAt: null });
  });
});
