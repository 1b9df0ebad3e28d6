import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunView } from '../../../src/contract/runs.ts';
import { type RunningDrover, spawnDrover, temporaryFolder } from '../../helpers/cli.ts';
import { runView } from '../../helpers/run-fixtures.ts';
import { problemReply, type ScriptedService, startScriptedService } from '../../helpers/scripted-service.ts';

let service: ScriptedService;
let run: RunView;
let drover: RunningDrover | undefined;

beforeEach(async () => {
  drover = undefined;
  run = runView();
  service = await startScriptedService();
  service.on('POST /runs', () => ({ status: 202, body: run }));
  service.on('GET /runs', () => ({ body: { items: [run], nextCursor: null } }));
  service.on('GET /runs/r1', () => ({ body: run }));
  service.on('GET /runs/r1/reports/migration_20240115_140000.log', () => ({ body: '' }));
  service.on('POST /runs/r1/pause', () => {
    run = runView({ status: 'paused', nextActions: ['resume', 'cancel'] });
    return { body: run };
  });
  service.on('POST /runs/r1/cancel', () => {
    run = runView({ status: 'cancelled', startedAt: null, nextActions: [] });
    return { body: run };
  });
});

afterEach(async () => {
  drover?.child.kill('SIGKILL');
  await service.close();
});

function start(...args: readonly string[]): RunningDrover {
  drover = spawnDrover(args, { DROVER_URL: service.url, DROVER_TOKEN: 'dk_1.secret' }, temporaryFolder());
  return drover;
}

const changes = () => service.received.filter(({ method }) => method === 'POST').map(({ path }) => path.slice(7));

it.each([
  ['migrate', ['SIGINT', 'SIGTERM']],
  ['migrate', ['SIGTERM', 'SIGTERM']],
  ['migrate:resume', ['SIGINT', 'SIGINT']],
] as const)('%s that gets %s while it is stopped for 200 ms pauses its run', async (command, signals) => {
  const { child, ended, waitForOutput } = start(command);
  await waitForOutput('Progress:');
  child.kill('SIGSTOP');
  for (const signal of signals) child.kill(signal);
  await sleep(200);
  child.kill('SIGCONT');
  expect(await ended).toMatchObject({ code: 130 });
  expect([run.status, changes().at(-1)]).toEqual(['paused', '/runs/r1/pause']);
});

it.each(['SIGINT', 'SIGTERM'] as const)('a run that is being started when %s arrives is paused', async (signal) => {
  service.on('POST /runs', async () => {
    drover?.child.kill(signal);
    await sleep(200);
    return { status: 202, body: run };
  });
  const ran = await start('migrate').ended;
  expect([ran.code, run.status]).toEqual([130, 'paused']);
  expect(ran.stderr).toContain('run r1 is paused. To go on: npx drover migrate:resume');
});

it('a signal that is handed on while the pause is requested does not end the command', async () => {
  service.on('GET /runs/r1', () => {
    if (changes().includes('/runs/r1/pause')) run = runView({ status: 'paused', nextActions: ['resume', 'cancel'] });
    return { body: run };
  });
  service.on('POST /runs/r1/pause', () => {
    run = runView({ status: 'pausing', nextActions: ['resume', 'cancel'] });
    drover?.child.kill('SIGINT');
    return { body: run };
  });
  const { child, ended, waitForOutput } = start('migrate');
  await waitForOutput('Progress:');
  child.kill('SIGINT');
  const ran = await ended;
  expect([ran.code, run.status]).toEqual([130, 'paused']);
});

it('a service that restarts in this moment is asked again', async () => {
  let refused = 0;
  const { child, ended, waitForOutput } = start('migrate');
  await waitForOutput('Progress:');
  service.on('POST /runs/r1/pause', () => {
    refused += 1;
    if (refused === 1) return problemReply(503, 'DATABASE_UNAVAILABLE', 'PostgreSQL is away.', 'Wait.');
    run = runView({ status: 'paused', nextActions: ['resume', 'cancel'] });
    return { body: run };
  });
  child.kill('SIGINT');
  expect([(await ended).code, run.status, refused]).toEqual([130, 'paused', 2]);
});

it('a run that does not begin is cancelled: it would begin to write later', async () => {
  run = runView({ status: 'pending', startedAt: null, nextActions: ['cancel'] });
  const { child, ended, waitForOutput } = start('migrate');
  await waitForOutput('Progress:');
  child.kill('SIGINT');
  const ran = await ended;
  expect([ran.code, changes()]).toEqual([130, ['/runs', '/runs/r1/cancel']]);
  expect(ran.stderr).toContain('run r1 had not begun and is cancelled. To begin again: npx drover migrate');
});
