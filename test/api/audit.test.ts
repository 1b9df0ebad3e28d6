import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunStatus } from '../../src/contract/run-status.ts';
import { startControlService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startControlService();
  const [{ id: started }] = await changed(`
    INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size, max_failure_percent,
      skip_existing, export_only, scope, params, stamp, created_by)
    VALUES ('run-a', 'bubble', '1.0.0', 'full', false, 'completed', 'elsewhere', 1, 50, false, false, '{}', '{}', '', 'test')
    RETURNING id`);
  await changed(
    `INSERT INTO drover.run_entities (run_id, entity, position, status) VALUES ('${started}', 'users', 0, 'done')`,
  );
});
afterAll(() => service.stop());

const changed = async (text: string) => (await service.database.$client.query(text)).rows;
const get = async (url: string) => (await service.app.inject({ url, headers: service.as('operator') })).json();
const rows = async () => (await service.database.$client.query('SELECT * FROM drover.audit ORDER BY id')).rows;

interface Call {
  readonly ask: readonly [method: 'POST' | 'PATCH', url: string, body?: object];
  /** Where the run stands when it is asked. */
  readonly status?: RunStatus;
  readonly action: string;
  readonly subject: string;
}
const reason = 'because of a test';
const ofRun = (action: string, status: RunStatus, ...ask: Call['ask']): Call => ({
  ...{ ask, status, action: `run.${action}`, subject: 'run:' },
});
const calls: readonly Call[] = [
  ofRun('start', 'completed', 'POST', '/runs', { plan: 'bubble', ids: ['a@example.com'] }),
  ofRun('change-batch-size', 'running', 'PATCH', '/runs/run-a', { batchSize: 50, reason }),
  ofRun('pause', 'running', 'POST', '/runs/run-a/pause', { reason }),
  ofRun('resume', 'paused', 'POST', '/runs/run-a/resume', { reason }),
  ofRun('cancel', 'running', 'POST', '/runs/run-a/cancel', { reason }),
  ofRun('retry', 'failed', 'POST', '/runs/run-a/retry'),
  ofRun('reconcile', 'completed', 'POST', '/runs/run-a/reconcile', { reason }),
  ofRun('validate', 'completed', 'POST', '/runs/run-a/validate'),
  ofRun('rollback', 'completed', 'POST', '/runs/run-a/rollback', { reason, dryRun: true }),
  ofRun('enqueue', 'running', 'POST', '/runs/run-a/records', { entity: 'users', sourceIds: ['a@example.com'] }),
  ofRun('replay', 'running', 'POST', '/runs/run-a/failures/GROUP/replay', { reason }),
  { ask: ['POST', '/queues/load/pause', { reason }], action: 'queue.pause', subject: 'queue:load' },
  { ask: ['POST', '/queues/load/resume', { reason }], action: 'queue.resume', subject: 'queue:load' },
  { ask: ['PATCH', '/upstreams/bubble', { maxRps: 5, reason }], action: 'upstream.limit', subject: 'upstream:bubble' },
];

/** Puts the run where it takes the call; answers the name of its failures. */
async function stage(status: RunStatus | undefined): Promise<string> {
  if (status) await changed(`UPDATE drover.runs SET status = '${status}' WHERE id = 'run-a'`);
  await changed(`
    INSERT INTO drover.records (run_id, entity, source_id, stage, status, code)
    VALUES ('run-a', 'users', 'x', 'transform', 'rejected', 'BAD_DATE')
    ON CONFLICT (run_id, entity, source_id) DO UPDATE SET stage = 'transform', status = 'rejected', code = 'BAD_DATE'`);
  return (await get('/api/v1/runs/run-a/failures')).items[0].group;
}

describe.each(calls)('$ask.0 $ask.1', ({ ask: [method, url, body], status, action, subject }) => {
  const send = async (payload: object | undefined) => {
    const group = await stage(status);
    return service.app.inject({
      method,
      url: `/api/v1${url.replace('GROUP', group)}`,
      headers: service.as('operator'),
      ...(payload ? { payload } : {}),
    });
  };

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

test('hashes what is stored: text that PostgreSQL stores otherwise does not break the chain', async () => {
  const { audit } = service.deps;
  for (const reason of ['lone \ud800 surrogate', 'zero \u0000 byte', 'e\u0301 \u{1f600}']) {
    await audit.append({
      ...{ actor: 'a', role: 'admin', action: 'test', subject: 'n:1', reason },
      details: { text: reason, big: 1e21, small: 1e-9, negativeZero: -0 },
    });
  }
  expect(await get('/api/v1/audit/verification')).toMatchObject({ ok: true, brokenCount: 0 });
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
    const other = all[Math.floor(all.length / 2) + 2];
    await tamper(`UPDATE drover.audit SET subject = subject || 'x' WHERE id = ${other.id}`);
    const broken = [middle, other].map(({ id }) => ({ id: Number(id), problem: 'changed' }));
    expect(await get('/api/v1/audit/verification')).toEqual({
      ...{ ok: false, checked: all.length, brokenAt: Number(middle.id), brokenCount: 2, broken, newestMissing: false },
    });
    await tamper(`UPDATE drover.audit SET subject = left(subject, -1) WHERE id = ${other.id}`);
    const text = middle.reason === null ? 'NULL' : `'${middle.reason}'`;
    await tamper(`UPDATE drover.audit SET reason = ${text} WHERE id = ${middle.id}`);
    expect((await get('/api/v1/audit/verification')).ok).toBe(true);
    await tamper(`DELETE FROM drover.audit WHERE id = ${all.at(-1).id}`);
    expect(await get('/api/v1/audit/verification')).toMatchObject({ ok: false, brokenAt: null, newestMissing: true });
  });
});
