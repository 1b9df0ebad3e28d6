import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createQueuePauseStore } from '../../db/stores/fleet.ts';
import { createMetricsStore } from '../../db/stores/metrics.ts';
import { buildApp } from '../../src/api/app.ts';
import { createSignInFailures } from '../../src/api/auth/authenticate.ts';
import { createMetrics, readStageLatency } from '../../src/api/monitoring.ts';
import { createQueueControl } from '../../src/api/queue-control.ts';
import { startService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.stop());

const get = async (url: string) => (await service.app.inject({ url, headers: service.as('viewer') })).json();
const change = (method: 'POST' | 'PATCH', url: string, payload: object) =>
  service.app.inject({ method, url: `/api/v1${url}`, payload, headers: service.as('operator') });

test('a queue is paused with actor and reason, in PostgreSQL and in Redis', async () => {
  const paused = await change('POST', '/queues/load/pause', { reason: 'the target is being vacuumed' });
  expect(paused.json()).toMatchObject({
    name: 'load',
    paused: true,
    pausedBy: service.keys.operator.split('.')[0],
    reason: 'the target is being vacuumed',
    counts: { waiting: 0, active: 0 },
  });
  expect(await service.producer.queues.get('load')?.isPaused()).toBe(true);
  expect((await change('POST', '/queues/load/resume', { reason: 'done' })).json()).toMatchObject({
    paused: false,
    reason: null,
  });
  expect(await service.producer.queues.get('load')?.isPaused()).toBe(false);
  const unknown = await change('POST', '/queues/lead/pause', { reason: 'x' });
  expect(unknown.json()).toMatchObject({ status: 404, remedy: expect.stringContaining('load') });
});

test('a pause is stored while Redis does not respond: each call of Redis is given up after one second', async () => {
  const errors: unknown[] = [];
  const redis = new EventEmitter();
  const pending = (call: string): Promise<never> => {
    redis.emit(call);
    return new Promise(() => undefined);
  };
  const queues = createQueueControl({
    pauses: createQueuePauseStore(service.database),
    live: {
      names: ['load'],
      counts: () => pending('counts'),
      setPaused: () => pending('setPaused'),
      boardAdapters: () => [],
    },
    onError: (error) => errors.push(error),
  });
  /** The result of a change, with one second of fake time for each of its two calls. */
  const afterTwoSeconds = async <T>(change: () => Promise<T>): Promise<T> => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const calls = [once(redis, 'setPaused'), once(redis, 'counts')];
      const changed = change();
      for (const call of calls) {
        await call;
        await vi.advanceTimersByTimeAsync(1_000);
      }
      return await changed;
    } finally {
      vi.useRealTimers();
    }
  };
  const operator = { id: 'a', role: 'operator' } as const;
  expect(await afterTwoSeconds(() => queues.pause('load', 'away', operator))).toMatchObject({
    paused: true,
    counts: null,
  });
  expect(errors).toHaveLength(1);
  expect(await afterTwoSeconds(() => queues.resume('load', 'back', operator))).toMatchObject({ paused: false });
});

test('a limit set by an operator is shown with actor and reason; an unknown upstream is named', async () => {
  const answer = await change('PATCH', '/upstreams/bubble', { maxRps: 7, reason: 'they asked us to' });
  expect(answer.json()).toMatchObject({
    name: 'bubble',
    maxRps: 7,
    reason: 'they asked us to',
    setBy: expect.any(String),
  });
  expect((await get('/api/v1/upstreams')).items).toHaveLength(1);
  expect((await change('PATCH', '/upstreams/bubbel', { maxRps: 7, reason: 'x' })).json()).toMatchObject({
    status: 404,
    remedy: expect.stringContaining('bubble'),
  });
});

test('workers are listed by their heartbeats, dead ones are marked, and deleted after an hour', async () => {
  const beat = (id: string) =>
    service.deps.workers.beat({
      id,
      host: 'h',
      pid: 1,
      queues: ['load'],
      concurrency: 10,
      rssMb: 90,
      loopLagMs: 1,
      done: 5,
    });
  await Promise.all([beat('w1'), beat('w2'), beat('w3')]);
  await beat('w1');
  const age = (id: string, interval: string) =>
    service.database.$client.query(`UPDATE drover.workers SET seen_at = now() - $2::interval WHERE id = $1`, [
      id,
      interval,
    ]);
  await age('w2', '1 minute');
  await age('w3', '2 hours');
  const { items } = await get('/api/v1/workers');
  expect(items.map(({ id, alive }: { id: string; alive: boolean }) => [id, alive]).sort()).toEqual([
    ['w1', true],
    ['w2', false],
  ]);
});

test('readiness names an unavailable store without waiting for it', async () => {
  expect(await get('/readyz')).toEqual({ status: 'ready', checks: { postgresql: 'ok' } });
  const app = await buildApp({
    ...service.deps,
    health: [...service.deps.health, { name: 'redis', check: () => new Promise(() => undefined) }],
  });
  const answer = await app.inject({ url: '/readyz' });
  expect([answer.statusCode, answer.json()]).toEqual([
    503,
    { status: 'not ready', checks: { postgresql: 'ok', redis: 'unreachable' } },
  ]);
  expect((await app.inject({ url: '/healthz' })).json()).toEqual({ status: 'alive' });
  await app.close();
});

test('metrics: records and runs from PostgreSQL, queues from Redis, latency from the workers, nothing personal', async () => {
  await service.database.$client.query(`
    INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size, skip_existing,
      export_only, scope, params, stamp, created_by, max_failure_percent)
    VALUES ('r1', 'bubble', '1', 'full', false, 'running', 'bubble', 1, false, false, '{}', '{}', 's', 'k', 50)`);
  await service.database.$client.query(`
    INSERT INTO drover.records (run_id, entity, source_id, stage, status)
    SELECT 'r1', 'users', 'canary-' || n, 'load', CASE WHEN n > 3 THEN 'pending' ELSE 'rejected' END FROM generate_series(1, 10) n`);
  const fields = { 'le:0.5': '2', 'le:0.1': '5', 'le:Infinity': '1', sum: '1.5', count: '8' };
  const hashes = { hgetall: async (key: string) => (key === 'p:latency:load' ? fields : {}) as Record<string, string> };
  const metrics = createMetrics(
    {
      ...service.deps,
      failures: createSignInFailures(),
      metrics: {
        ...createMetricsStore(service.database),
        stageLatency: () => readStageLatency(hashes, 'p', ['load', 'reconcile']),
        upstreamRequests: async () => [{ upstream: 'bubble', endpoint: 'obj/user', status: '200', count: 7 }],
      },
    },
    () => undefined,
  );
  const text = await metrics.render();
  expect(text).toContain('drover_records{plan="bubble",entity="users",stage="load",status="rejected"} 3');
  expect(text).toContain('drover_records{plan="bubble",entity="users",stage="load",status="pending"} 7');
  expect(text).toContain('drover_runs{plan="bubble",status="running"} 1');
  expect(text).toContain('drover_queue_jobs{queue="load",state="waiting"} 0');
  expect(text).toContain('drover_stage_duration_seconds_bucket{stage="load",le="0.1"} 5');
  expect(text).toContain('drover_stage_duration_seconds_bucket{stage="load",le="0.5"} 7');
  expect(text).toContain('drover_stage_duration_seconds_bucket{stage="load",le="+Inf"} 8');
  expect(text).toContain('drover_upstream_requests_total{upstream="bubble",endpoint="obj/user",status="200"} 7');
  expect(text).toContain('# TYPE drover_upstream_requests_total counter');
  expect(text).not.toContain('Infinity');
  expect(text).not.toContain('stage="reconcile"');
  expect(text).not.toContain('canary');
});

test('metrics are readable by viewers, without those of a store that does not respond', async () => {
  expect((await service.app.inject({ url: '/metrics' })).statusCode).toBe(401);
  const answer = await service.app.inject({ url: '/metrics', headers: service.as('viewer') });
  expect(answer.headers['content-type']).toContain('text/plain');
  const failing = {
    ...service.deps,
    failures: createSignInFailures(),
    upstreams: { ...service.deps.upstreams, list: () => Promise.reject(new Error('away')) },
  };
  const text = await createMetrics(failing, () => undefined).render();
  expect(text).toContain('drover_queue_jobs{');
  expect(text).not.toContain('drover_upstream_limit_rps{');
});
