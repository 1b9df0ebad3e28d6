import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type { startRunBody } from '../../src/api/run-view.ts';
import type { StartRun } from '../../src/contract/runs.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
let base: string;
beforeAll(async () => {
  service = await startService();
  await service.app.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}/api/v1`;
});
afterAll(() => service.stop());

const get = (path: string) => fetch(`${base}${path}`, { headers: service.as('viewer') });

test('a run may be started over HTTP with everything the engine takes, and nothing else', () => {
  // Checked by the compiler: a parameter added to one and not to the other breaks the build.
  expectTypeOf<keyof StartRun>().toEqualTypeOf<keyof z.output<typeof startRunBody>>();
});

test('starting a run returns 202 with its location and the run of the engine', async () => {
  const answer = await fetch(`${base}/runs`, {
    method: 'POST',
    headers: { ...service.as('operator'), 'content-type': 'application/json' },
    body: JSON.stringify({ plan: 'bubble', since: '2026-01-01', params: { any: ['thing'] } }),
  });
  expect(answer.status).toBe(202);
  const run = (await answer.json()) as { id: string };
  expect(answer.headers.get('location')).toBe(`/api/v1/runs/${run.id}`);
  expect(run).toEqual(runView(run.id, 'pending'));
});

test('a hundred simultaneous reads cost one read of the run, and the next read sees a change', async () => {
  service.control.put(runView('run-b', 'running'));
  service.control.reads = 0;
  const begun = Date.now();
  const answers = await Promise.all(Array.from({ length: 100 }, () => get('/runs/run-b')));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  // One read in 200 ms, however long a busy machine takes for the hundred requests.
  expect(service.control.reads).toBeLessThanOrEqual(1 + Math.ceil((Date.now() - begun) / 200));
  await fetch(`${base}/runs/run-b/pause`, {
    method: 'POST',
    headers: { ...service.as('operator'), 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'test' }),
  });
  expect(await (await get('/runs/run-b')).json()).toMatchObject({ status: 'pausing' });
});

test('events: the run at once, then its newest state at most twice a second, one read per poll for all streams, and the end', async () => {
  service.control.put(runView('run-c', 'running'));
  const texts = Array.from({ length: 50 }, () => '');
  const streams = texts.map(async (_, at) => {
    const answer = await get('/runs/run-c/events');
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) texts[at] += decoder.decode(chunk, { stream: true });
  });
  const allHave = (text: string) =>
    expect.poll(() => texts.filter((one) => one.includes(text)).length, { timeout: 60_000, interval: 20 }).toBe(50);
  await allHave('"batchSize":1,');
  service.control.reads = 0;
  const begun = Date.now();
  for (const newest of [20, 30, 40]) {
    for (let n = newest - 9; n <= newest; n += 1) service.control.put({ ...runView('run-c', 'running'), batchSize: n });
    await allHave(`"batchSize":${newest},`);
  }
  service.control.put(runView('run-c', 'completed'));
  await Promise.all(streams);
  // A busy machine makes polls rarer, never more frequent.
  const polls = 1 + Math.ceil((Date.now() - begun) / 500);
  expect(service.control.reads).toBeLessThanOrEqual(polls);
  for (const text of texts) {
    const events = [...text.matchAll(/^event: run\ndata: (.+)\n\n/gm)].map(([, data]) => JSON.parse(String(data)));
    expect(events[0]).toEqual(runView('run-c', 'running'));
    expect(events.at(-1)).toEqual(runView('run-c', 'completed'));
    expect(events.length).toBeLessThanOrEqual(2 + polls);
    // The states between two polls are skipped; the first poll may repeat the first state.
    expect([...new Set(events.map(({ batchSize }) => batchSize))]).toEqual([1, 20, 30, 40]);
  }
});

test('events of a finished run are one event and the end; of no run, a problem', async () => {
  service.control.put(runView('run-d', 'failed'));
  const text = await (await get('/runs/run-d/events')).text();
  expect(text.match(/^event: run$/gm)).toHaveLength(1);
  expect((await get('/runs/none/events')).status).toBe(404);
});

test('a run is not read any more when its last listener has disconnected', async () => {
  service.control.put(runView('run-e', 'running'));
  const abort = new AbortController();
  await fetch(`${base}/runs/run-e/events`, { headers: service.as('viewer'), signal: abort.signal });
  abort.abort();
  const readsInTwoPolls = async () => {
    service.control.reads = 0;
    await sleep(1_200);
    return service.control.reads;
  };
  await expect.poll(readsInTwoPolls, { timeout: 60_000 }).toBe(0);
});

test('records are enqueued by id or whole, and counted', async () => {
  service.control.put(runView('run-f', 'running'));
  const send = (body: object) =>
    fetch(`${base}/runs/run-f/records`, {
      method: 'POST',
      headers: { ...service.as('operator'), 'content-type': 'application/json' },
      body: JSON.stringify({ entity: 'users', ...body }),
    });
  expect(await (await send({ sourceIds: ['1', '2'] })).json()).toMatchObject({ accepted: 2, run: { id: 'run-f' } });
  expect((await send({ records: [{ _id: '1' }] })).status).toBe(202);
  expect((await send({})).status).toBe(400);
  expect((await send({ sourceIds: ['1'], records: [{}] })).status).toBe(400);
});

test('reports are sent as files; those with whole records are for operators', async () => {
  const summary = await get('/runs/run-f/reports/migration_summary_20260101_000000.txt');
  expect(summary.headers.get('content-disposition')).toContain('attachment');
  expect(await summary.text()).toBe('all is well\n');
  expect((await get('/runs/run-f/reports/users.csv')).status).toBe(403);
  const stream = await fetch(`${base}/runs/run-f/reports/users.csv`, { headers: service.as('operator') });
  expect(stream.headers.get('content-type')).toContain('text/csv');
  expect(await stream.text()).toBe('id,name\r\n1,Ada\r\n');
});
