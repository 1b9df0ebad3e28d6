import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunAction, type RunStatus, runActions, runStatuses } from '../../src/contract/run-status.ts';
import { startControlService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startControlService();
});
afterAll(() => service.stop());

const call = (method: 'GET' | 'POST' | 'PATCH', path: string, payload?: object) =>
  service.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: service.as('operator'),
    ...(payload ? { payload } : {}),
  });
const sql = (text: string, values: unknown[] = []) => service.database.$client.query(text, values);
const start = async (body: object = {}) => call('POST', '/runs', { plan: 'bubble', ...body });
const reason = 'because of a test';

beforeEach(async () => {
  await sql(`UPDATE drover.runs SET status = 'cancelled' WHERE status NOT IN ('cancelled', 'completed')`);
});

test('a run is started, shown, listed, changed and cancelled', async () => {
  const started = await start({ batchSize: 10, only: ['users'] });
  expect(started.statusCode).toBe(202);
  const { id } = started.json();
  expect(started.headers.location).toBe(`/api/v1/runs/${id}`);
  expect((await call('GET', `/runs/${id}`)).json()).toMatchObject({
    ...{ id, plan: 'bubble', status: 'pending', batchSize: 10, balanced: true },
    createdBy: service.keys.operator.split('.')[0],
    entities: { users: { extracted: 0, pending: 0 } },
    nextActions: expect.arrayContaining(['cancel']),
  });
  expect((await call('GET', '/runs?plan=bubble&status=pending')).json().items).toHaveLength(1);
  expect((await call('PATCH', `/runs/${id}`, { batchSize: 20, reason })).json()).toMatchObject({ batchSize: 20 });
  expect((await call('POST', `/runs/${id}/cancel`, { reason })).json()).toMatchObject({ status: 'cancelled' });
  const log = (await call('GET', `/audit?subject=${id}`)).json().items.map(({ action }: { action: string }) => action);
  expect(log).toEqual(['run.cancel', 'run.change-batch-size', 'run.start']);
});

test('of ten concurrent starts of the same run, one succeeds', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => start()));
  expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([202, ...Array(9).fill(409)]);
  const refused = answers.find(({ statusCode }) => statusCode === 409)?.json();
  expect(refused).toMatchObject({ code: 'NOT_ALLOWED_NOW', detail: expect.stringContaining('bubble') });
});

test('automatic batch size: set at the start or later, shown by stage, and unset', async () => {
  const { id, ...started } = (await start({ batchSize: 'auto', only: ['users'] })).json();
  const sizes = (n: number) => ({ extract: n, transform: n, load: n, reconcile: n });
  expect(started).toMatchObject({ batchSize: 'auto', batchSizes: sizes(10) });
  const changed = async (batchSize: unknown) => (await call('PATCH', `/runs/${id}`, { batchSize, reason })).json();
  await sql(`UPDATE drover.runs SET batch_tuning = '{"load":{"size":85,"efficiency":1,"jobs":3}}' WHERE id = $1`, [id]);
  expect(await changed('auto')).toMatchObject({ batchSize: 'auto', batchSizes: { ...sizes(10), load: 85 } });
  expect(await changed(40)).toMatchObject({ batchSize: 40, batchSizes: sizes(40) });
  expect(await changed('auto')).toMatchObject({ batchSize: 'auto', batchSizes: sizes(40) });
  expect(await changed('some')).toMatchObject({ status: 400, detail: expect.stringContaining('auto') });
});

test('errors of a start are listed with the valid values', async () => {
  const wrong = async (body: object) => (await start(body)).json();
  expect(await wrong({ plan: 'bubbel' })).toMatchObject({ status: 422, remedy: expect.stringContaining('bubble') });
  expect(await wrong({ only: ['userz'] })).toMatchObject({ status: 422, detail: expect.stringContaining('userz') });
  expect(await wrong({ params: { speed: 1 } })).toMatchObject({
    status: 422,
    detail: expect.stringContaining('speed'),
  });
  expect(await wrong({ strategy: 'selective' })).toMatchObject({ status: 422 });
  for (const targetSchema of ['drover', 'information_schema', 'pg_catalog', 'pg_toast', 'pg_mine']) {
    expect(await wrong({ targetSchema })).toMatchObject({ status: 422, detail: expect.stringContaining(targetSchema) });
  }
  expect(await wrong({ since: '2026-02-01', until: '2026-01-31T23:59:59Z' })).toMatchObject({
    status: 422,
    detail: expect.stringContaining('is after until'),
  });
  expect(await wrong({ maxFailurePercent: 12.5 })).toMatchObject({
    status: 400,
    errors: [{ path: 'body.maxFailurePercent', message: expect.stringContaining('whole number') }],
  });
  expect((await call('GET', '/runs?status=pending')).json().items).toEqual([]);
});

describe('the next actions of a run are those it accepts', () => {
  const requests: Record<RunAction, (id: string) => ReturnType<typeof call>> = {
    pause: (id) => call('POST', `/runs/${id}/pause`, { reason }),
    resume: (id) => call('POST', `/runs/${id}/resume`, { reason }),
    cancel: (id) => call('POST', `/runs/${id}/cancel`, { reason }),
    retry: (id) => call('POST', `/runs/${id}/retry`),
    reconcile: (id) => call('POST', `/runs/${id}/reconcile`, { reason }),
    mend: (id) => call('POST', `/runs/${id}/mend`, { reason }),
    replay: (id) => call('POST', `/runs/${id}/failures/none/replay`),
    enqueue: (id) => call('POST', `/runs/${id}/records`, { entity: 'users', sourceIds: ['1'] }),
    validate: (id) => call('POST', `/runs/${id}/validate`),
    rollback: (id) => call('POST', `/runs/${id}/rollback`, { reason, dryRun: true }),
    changeBatchSize: (id) => call('PATCH', `/runs/${id}`, { batchSize: 2, reason }),
  };

  test.each(runStatuses)('%s', async (status: RunStatus) => {
    const { id } = (await start()).json();
    for (const action of runActions) {
      await sql('UPDATE drover.runs SET status = $2 WHERE id = $1', [id, status]);
      const [{ nextActions }] = (await call('GET', `/runs?limit=1&status=${status}`)).json().items;
      const answer = await requests[action](id);
      // 404: a replay is taken, and there is no such group.
      const taken = answer.statusCode !== 409;
      expect([action, taken, answer.statusCode < 500]).toEqual([action, nextActions.includes(action), true]);
    }
  });
});

test('records are returned in pages that continue where the last one ended', async () => {
  const { id } = (await start()).json();
  await sql(
    `INSERT INTO drover.records (run_id, entity, source_id, stage, status, code, message)
     SELECT $1, 'users', 's' || n, 'transform', CASE n % 2 WHEN 0 THEN 'rejected' ELSE 'pending' END, 'BAD', 'bad'
     FROM generate_series(1, 25) n`,
    [id],
  );
  const seen = await everyPage(`/runs/${id}/records?limit=10`);
  expect(new Set(seen.map(({ sourceId }) => sourceId)).size).toBe(25);
  expect(await everyPage(`/runs/${id}/records?limit=5&status=rejected`)).toHaveLength(12);
  for (const cursor of ['abc', "x'; DROP TABLE", '%00', Buffer.from('1e9').toString('base64url')]) {
    const answer = await call('GET', `/runs/${id}/records?cursor=${encodeURIComponent(cursor)}`);
    expect([cursor, answer.statusCode]).toEqual([cursor, 422]);
  }
});

// Fails: created_at has microseconds and the Date it is compared with has none, so runs of one millisecond are skipped.
test('runs are returned in pages', async () => {
  await sql('UPDATE drover.runs SET created_at = now()');
  const all = await everyPage('/runs?limit=3');
  expect(new Set(all.map((run) => run.id)).size).toBe(
    Number((await sql('SELECT count(*) FROM drover.runs')).rows[0].count),
  );
});

test('failures are grouped, and a source id returns its history', async () => {
  const { items } = (await call('GET', '/runs?limit=1')).json();
  const [group] = (await call('GET', `/runs/${items[0].id}/failures`)).json().items;
  expect(group).toMatchObject({ entity: 'users', code: 'BAD', count: 12, remedy: expect.any(String) });
  const journeys = (await call('GET', '/records?sourceId=s2')).json().items;
  expect(journeys).toMatchObject([{ sourceId: 's2', status: 'rejected', tries: [] }]);
  expect((await call('GET', '/records?sourceId=nobody')).json().items).toEqual([]);
});

async function everyPage(path: string): Promise<{ id: string; sourceId: string }[]> {
  const items: { id: string; sourceId: string }[] = [];
  for (let cursor = ''; ; ) {
    const page = (await call('GET', `${path}${cursor && `&cursor=${cursor}`}`)).json();
    items.push(...page.items);
    if (page.nextCursor === null) return items;
    cursor = page.nextCursor;
  }
}
