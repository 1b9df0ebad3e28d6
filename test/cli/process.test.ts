import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spawnDrover } from '../helpers/cli.ts';
import { completedRun, runView, runWithFailures } from '../helpers/run-fixtures.ts';
import {
  problemReply,
  type ScriptedService,
  serverSentEvents,
  startScriptedService,
} from '../helpers/scripted-service.ts';

let service: ScriptedService;
let env: Record<string, string>;

beforeEach(async () => {
  service = await startScriptedService();
  env = { DROVER_URL: service.url, DROVER_TOKEN: 'dk_1.secret' };
  service.on('POST /runs', () => ({ status: 202, body: runView({ status: 'pending' }) }));
  service.on('GET /runs/r1', runView());
  service.on('GET /runs/r1/failures', { items: [] });
  service.on('GET /runs/r1/reports', { items: [] });
});

afterEach(() => service.close());

describe('the program', () => {
  it('ends with 0, 1, 2 or 3', async () => {
    service.on('GET /runs', { items: [], nextCursor: null });
    service.on('GET /plans', () => problemReply(401, 'UNAUTHENTICATED', 'The key is unknown.', 'Send a key.'));
    service.on('GET /runs/r1/events', serverSentEvents(runWithFailures()));
    const ends = await Promise.all([
      spawnDrover(['runs'], env).ended,
      spawnDrover(['run', 'bubble', '--wait'], env).ended,
      spawnDrover(['plans'], env).ended,
      spawnDrover(['runs', '--nonsense'], env).ended,
      spawnDrover(['runs'], { ...env, DROVER_URL: 'http://127.0.0.1:1' }).ended,
    ]);
    expect(ends.map((end) => end.code)).toEqual([0, 1, 2, 2, 3]);
    for (const end of ends) expect(end.stderr).not.toMatch(/\n\s+at /);
  });

  it('writes a long document whole into a pipe', async () => {
    const items = Array.from({ length: 5000 }, (_, at) => completedRun({ id: `r${at}` }));
    service.on('GET /runs', { items, nextCursor: null });
    const ran = await spawnDrover(['runs', '--json'], env).ended;
    expect(ran.json<{ items: unknown[] }>().items).toHaveLength(5000);
  });

  it('ends without an error when the reader closes the pipe', async () => {
    service.on('GET /runs', { items: Array.from({ length: 5000 }, () => completedRun()), nextCursor: null });
    const { child, ended } = spawnDrover(['runs', '--json'], env);
    child.stdout?.destroy();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops following on %s; the run goes on', async (signal) => {
    const { child, ended, waitForOutput: said } = spawnDrover(['run', 'bubble', '--wait'], env);
    await said('Progress:');
    child.kill(signal);
    const ran = await ended;
    expect(ran.code).toBe(130);
    expect(ran.stderr).toContain('run r1 goes on. To come back: npx drover watch r1');
    expect(service.received.filter((one) => one.method === 'POST')).toHaveLength(1);
  });

  it('leaves one document when following with --json is ended', async () => {
    const { child, ended } = spawnDrover(['run', 'bubble', '--wait', '--json'], env);
    while (!service.received.some((one) => one.path.endsWith('/events')))
      await new Promise((done) => setTimeout(done, 20));
    child.kill('SIGINT');
    expect((await ended).json()).toMatchObject({ id: 'r1', status: 'running' });
  });

  it('does not ask for a confirmation without a terminal', async () => {
    const { child, ended } = spawnDrover(['rollback', 'r1', '--reason', 'x'], env);
    await once(child, 'spawn');
    expect(await ended).toMatchObject({ code: 2, stdout: '' });
    expect(service.received).toEqual([]);
  });
});
