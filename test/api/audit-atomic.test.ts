import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunStatus } from '../../src/contract/run-status.ts';
import { createControlStore } from '../../src/engine/runs/control-store.ts';
import { endRun } from '../../src/engine/scheduler/complete-run.ts';
import { startControlService, type TestService } from '../helpers/api-service.ts';

// A change and its row in the audit log become true together or not at all: the real control over PostgreSQL.
let service: TestService;
beforeAll(async () => {
  service = await startControlService();
});
afterAll(() => service.stop());

const reason = 'because of a test';
const sql = async (text: string, values: unknown[] = []) => (await service.database.$client.query(text, values)).rows;
const call = (method: 'GET' | 'POST' | 'PATCH', path: string, payload?: object) =>
  service.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: service.as('admin'),
    ...(payload ? { payload } : {}),
  });
const auditOf = async (id: string): Promise<string[]> =>
  (await sql('SELECT action FROM drover.audit WHERE subject = $1 ORDER BY id', [`run:${id}`])).map((row) => row.action);

beforeEach(() => sql(`UPDATE drover.runs SET status = 'cancelled' WHERE status NOT IN ('cancelled', 'completed')`));

/** A run of one entity with a rejected record and one still to come. */
async function makeRun(status: RunStatus): Promise<string> {
  const answer = await call('POST', '/runs', { plan: 'bubble', only: ['users'] });
  expect(answer.statusCode).toBe(202);
  const { id } = answer.json();
  await sql(
    `INSERT INTO drover.records (run_id, entity, source_id, stage, status, code)
     VALUES ($1, 'users', 'a', 'transform', 'rejected', 'BAD_DATE'), ($1, 'users', 'b', 'load', 'pending', NULL)`,
    [id],
  );
  await sql('UPDATE drover.runs SET status = $2 WHERE id = $1', [id, status]);
  return id;
}

const groupOf = async (id: string): Promise<string> =>
  (await call('GET', `/runs/${id}/failures`)).json().items[0].group;

/** Everything a change of the run could leave behind. */
const stateOf = (id: string) =>
  sql(
    `SELECT to_jsonb(r) AS run, (SELECT jsonb_agg(x ORDER BY x.id) FROM drover.records x WHERE x.run_id = r.id) AS records,
       (SELECT count(*) FROM drover.validations v WHERE v.run_id = r.id) AS validations,
       (SELECT count(*) FROM drover.payloads) AS payloads, (SELECT count(*) FROM drover.runs) AS runs
     FROM drover.runs r WHERE r.id = $1`,
    [id],
  );

type Action = readonly [action: string, status: RunStatus, ask: (id: string) => ReturnType<typeof call>];
const actions: readonly Action[] = [
  ['run.start', 'cancelled', () => call('POST', '/runs', { plan: 'bubble' })],
  ['run.pause', 'running', (id) => call('POST', `/runs/${id}/pause`, { reason })],
  ['run.resume', 'paused', (id) => call('POST', `/runs/${id}/resume`, { reason })],
  ['run.cancel', 'running', (id) => call('POST', `/runs/${id}/cancel`, { reason })],
  ['run.cancel', 'pending', (id) => call('POST', `/runs/${id}/cancel`, { reason })],
  ['run.retry', 'completed_with_failures', (id) => call('POST', `/runs/${id}/retry`, { reason })],
  ['run.replay', 'running', async (id) => call('POST', `/runs/${id}/failures/${await groupOf(id)}/replay`, { reason })],
  ['run.replay', 'completed', async (id) => call('POST', `/runs/${id}/failures/${await groupOf(id)}/replay`)],
  ['run.enqueue', 'completed', (id) => call('POST', `/runs/${id}/records`, { entity: 'users', sourceIds: ['1'] })],
  ['run.enqueue', 'running', (id) => call('POST', `/runs/${id}/records`, { entity: 'users', records: [{ _id: '2' }] })],
  ['run.change-batch-size', 'running', (id) => call('PATCH', `/runs/${id}`, { batchSize: 7, reason })],
  ['run.validate', 'completed', (id) => call('POST', `/runs/${id}/validate`)],
  ['run.rollback', 'completed', (id) => call('POST', `/runs/${id}/rollback`, { reason })],
  ['payloads.purge', 'completed', (id) => call('POST', '/purge', { runId: id, reason })],
];

test.each(actions)('%s of a run that is %s: a change that cannot be audited does not happen', async (...args) => {
  const [action, status, ask] = args;
  const id = await makeRun(status);
  await sql(
    `INSERT INTO drover.payloads (record_id, raw) SELECT id, '{}' FROM drover.records WHERE run_id = $1
     ON CONFLICT DO NOTHING`,
    [id],
  );
  const before = await stateOf(id);
  await sql(
    `CREATE FUNCTION drover.no_log() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''lost''; END'`,
  );
  await sql('CREATE TRIGGER no_log BEFORE INSERT ON drover.audit FOR EACH ROW EXECUTE FUNCTION drover.no_log()');
  try {
    expect((await ask(id)).statusCode).toBe(500);
  } finally {
    await sql('DROP FUNCTION drover.no_log CASCADE');
  }
  expect(await stateOf(id)).toEqual(before);

  const rows = (await sql('SELECT * FROM drover.audit WHERE action = $1', [action])).length;
  expect((await ask(id)).statusCode).toBeLessThan(300);
  expect(await sql('SELECT * FROM drover.audit WHERE action = $1', [action])).toHaveLength(rows + 1);
  expect(await stateOf(id)).not.toEqual(before);
});

test('concurrent changes of the same runs: each has its audit row, and every request gets a response', async () => {
  const id = await makeRun('running');
  const group = await groupOf(id);
  await sql(
    `INSERT INTO drover.records (run_id, entity, source_id, stage, status, code)
     SELECT $1, 'users', 'n' || n, 'transform', 'rejected', 'BAD_DATE' FROM generate_series(1, 500) n`,
    [id],
  );
  const asks = [
    () => call('POST', `/runs/${id}/pause`, { reason }),
    () => call('POST', `/runs/${id}/resume`, { reason }),
    () => call('POST', `/runs/${id}/failures/${group}/replay`, { reason }),
    () => call('PATCH', `/runs/${id}`, { batchSize: 3, reason }),
    () => call('POST', `/runs/${id}/records`, { entity: 'users', sourceIds: ['n1', 'n2', 'n3'] }),
    () => call('POST', `/runs/${id}/records`, { entity: 'users', sourceIds: ['n3', 'n2', 'n1'] }),
    () => call('POST', '/queues/load/pause', { reason }),
  ];
  const answers = (await Promise.all(Array.from({ length: 42 }, (_, n) => asks[n % asks.length]?.()))).flatMap(
    (answer) => (answer ? [answer] : []),
  );
  const refused = answers.filter(({ statusCode }) => statusCode >= 300);
  // Not now, or not in the time one is willing to wait for the others: both say so, and both change nothing.
  for (const { statusCode } of refused) expect([409, 503]).toContain(statusCode);
  const ofTheRun = answers.filter(({ raw, statusCode }) => raw.req.url?.includes(id) && statusCode < 300);
  expect(await auditOf(id)).toHaveLength(ofTheRun.length + 1);
  expect((await call('GET', '/audit/verification')).json()).toMatchObject({ ok: true });
});

test('of concurrent requests for the same change, one succeeds and the others are refused', async () => {
  const id = await makeRun('running');
  const answers = await Promise.all([1, 2, 3, 4].map(() => call('POST', `/runs/${id}/pause`, { reason })));
  expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 409, 409, 409]);
  expect(await auditOf(id)).toEqual(['run.start', 'run.pause']);
});

test('a run is not completed while an operator is enqueueing records', async () => {
  const id = await makeRun('running');
  await sql(`UPDATE drover.records SET status = 'reconciled' WHERE run_id = $1`, [id]);
  const store = createControlStore(service.database);
  const entry = { actor: 'a', role: 'admin', action: 'test', subject: id };
  let ending: Promise<boolean> | undefined;
  await store.change(
    id,
    async (changes) => {
      await changes.enqueueIds(id, 'users', ['late']);
      expect(await changes.resume(id, null)).toBe(true);
      ending = endRun(service.database, id, 'completed', null);
      // Long enough for it to have looked, had it not to wait.
      await Promise.race([ending, sleep(300)]);
    },
    () => entry,
  );
  expect(await ending).toBe(false);
  expect((await call('GET', `/runs/${id}`)).json()).toMatchObject({ status: 'running' });
  await sql(`UPDATE drover.records SET status = 'skipped' WHERE run_id = $1`, [id]);
  expect(await endRun(service.database, id, 'completed', null)).toBe(true);
});
