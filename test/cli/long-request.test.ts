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

beforeAll(async () => {
  service = await startService();
  url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  service.control.put(runView('r1', 'completed'));
  // As slow as one over very many rows, measured by how long a connection is held.
  const { validate, rollback } = service.control;
  const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
    await sleep(2_500);
    done += 1;
    return work();
  };
  service.control.validate = (id, actor) => slowly(() => validate(id, actor));
  service.control.rollback = (id, input, actor) => slowly(() => rollback(id, input, actor));
});
afterAll(() => service.stop());
beforeEach(() => {
  done = 0;
});

function session() {
  const settings = settingsFrom({ DROVER_URL: url, DROVER_TOKEN: service.keys.operator }, '/');
  const stderr = capture(true);
  const out = createOutput({ stdout: capture(), stderr }, { json: false, noColour: true });
  return { session: { api: createClient(settings), out, settings, ask: undefined }, stderr };
}
const hasty = { connectionTimeoutMs: 500, retryDelayMs: 100, unreachableTimeoutMs: 5_000 };

test('what takes longer than a connection is held is done once, and its answer comes in the end', async () => {
  const { session: mine, stderr } = session();
  const path = '/runs/r1/validate';
  const view = await sendLongRequest<ValidationView>(mine, 'validating run r1', { path }, hasty);
  expect([view.runId, done]).toEqual(['r1', 1]);
  const shown = [...stderr.text().matchAll(/validating run r1: ([\d.]+)s/g)].map(([, seconds]) => Number(seconds));
  expect(shown.length).toBeGreaterThan(2);
  expect(stderr.text().endsWith('\r\u001b[2K')).toBe(true);
});

test('a rollback too', async () => {
  const body = { reason: 'wrong', dryRun: false };
  const view = await sendLongRequest<RollbackView>(
    session().session,
    'rolling back',
    { path: '/runs/r1/rollback', body },
    hasty,
  );
  expect([view.runId, done]).toEqual(['r1', 1]);
});

test('what is refused is said at once, and a service that is gone is given up', async () => {
  const { session: mine } = session();
  await expect(sendLongRequest(mine, 'x', { path: '/runs/none/validate' }, hasty)).rejects.toMatchObject({
    status: 404,
  });
  const settings = { ...mine.settings, url: 'http://127.0.0.1:1' };
  const away = { ...mine, api: createClient(settings), settings };
  const begun = Date.now();
  await expect(
    sendLongRequest(away, 'x', { path: '/runs/r1/validate' }, { ...hasty, unreachableTimeoutMs: 700 }),
  ).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  expect(Date.now() - begun).toBeGreaterThan(600);
});
