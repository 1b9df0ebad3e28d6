import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createClient } from '../../src/cli/client.ts';
import { settingsFrom } from '../../src/cli/environment.ts';
import { sendLongRequest } from '../../src/cli/long-request.ts';
import { createOutput } from '../../src/cli/output.ts';
import type { RollbackView, ValidationView } from '../../src/contract/runs.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { capture } from '../helpers/cli.ts';
import { runView } from '../helpers/control-double.ts';

let service: TestService;
let url: string;
let done: number;
let requests: number;
let isShownEnough: () => boolean;

beforeAll(async () => {
  service = await startService();
  url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  service.control.put(runView('r1', 'completed'));
  service.app.server.on('request', () => {
    requests += 1;
  });
  // Takes longer than several connections are held.
  const { validate, rollback } = service.control;
  const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
    while (requests < 4 || !isShownEnough()) await sleep(10);
    done += 1;
    return work();
  };
  service.control.validate = (id, actor) => slowly(() => validate(id, actor));
  service.control.rollback = (id, input, actor) => slowly(() => rollback(id, input, actor));
});
afterAll(() => service.stop());
beforeEach(() => {
  done = 0;
  requests = 0;
  isShownEnough = () => true;
});

function session() {
  const settings = settingsFrom({ DROVER_URL: url, DROVER_TOKEN: service.keys.operator }, '/');
  const stderr = capture(true);
  const out = createOutput({ stdout: capture(), stderr }, { json: false, noColour: true });
  return { session: { api: createClient(settings), out, settings, ask: undefined }, stderr };
}
const shortTiming = { connectionTimeoutMs: 500, retryDelayMs: 100, unreachableTimeoutMs: 5_000 };

test('work that takes longer than a connection is held is done once, and its response is returned', async () => {
  const { session: mine, stderr } = session();
  const path = '/runs/r1/validate';
  // The line is rewritten while the work goes on.
  isShownEnough = () => [...stderr.text().matchAll(/validating run r1: [\d.]+s/g)].length > 2;
  const view = await sendLongRequest<ValidationView>(mine, 'validating run r1', { path }, shortTiming);
  expect([view.runId, done]).toEqual(['r1', 1]);
  expect(stderr.text().endsWith('\r\u001b[2K')).toBe(true);
});

test('a rollback is sent the same way', async () => {
  const body = { reason: 'wrong', dryRun: false };
  const view = await sendLongRequest<RollbackView>(
    session().session,
    'rolling back',
    { path: '/runs/r1/rollback', body },
    shortTiming,
  );
  expect([view.runId, done]).toEqual(['r1', 1]);
});

test('a refusal is returned at once, and an unreachable API is an error after the limit', async () => {
  const { session: mine } = session();
  await expect(sendLongRequest(mine, 'x', { path: '/runs/none/validate' }, shortTiming)).rejects.toMatchObject({
    status: 404,
  });
  const settings = { ...mine.settings, url: 'http://127.0.0.1:1' };
  const away = { ...mine, api: createClient(settings), settings };
  const begun = Date.now();
  await expect(
    sendLongRequest(away, 'x', { path: '/runs/r1/validate' }, { ...shortTiming, unreachableTimeoutMs: 700 }),
  ).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  expect(Date.now() - begun).toBeGreaterThan(600);
});
