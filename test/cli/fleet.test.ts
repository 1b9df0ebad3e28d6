import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkerView } from '../../src/cli/api-types.ts';
import type { UpstreamView } from '../../src/contract/fleet.ts';
import { runDrover } from '../helpers/cli.ts';
import { completedRun } from '../helpers/run-fixtures.ts';
import { problemReply, type ScriptedService, startScriptedService } from '../helpers/scripted-service.ts';

let service: ScriptedService;

const worker = (changes: Partial<WorkerView> = {}): WorkerView => ({
  ...{
    id: 'w1',
    host: 'box',
    pid: 7,
    queues: ['extract', 'load'],
    concurrency: 100,
    rssMb: 90,
    loopLagMs: 2,
    done: 12,
    peakRssMb: 120,
    cpuMs: 5_000,
    cpuPercent: 37,
  },
  traffic: {
    bubble: { requests: 40, failed: 1, sentBytes: 900, receivedBytes: 2_000_000 },
    stripe: { requests: 2, failed: 0, sentBytes: 600, receivedBytes: 500_000 },
  },
  ...{ startedAt: '2024-01-15T14:00:00.000Z', seenAt: '2024-01-15T14:01:00.000Z', alive: true },
  ...changes,
});
const queue = (name: string, changes: object = {}): object => ({
  ...{ name, paused: false, pausedBy: null, pausedAt: null, reason: null, counts: { waiting: 3, active: 1 } },
  ...changes,
});
const upstream = (changes: Partial<UpstreamView> = {}): UpstreamView => ({
  ...{ name: 'bubble', maxRps: 10, configuredRps: 10, effectiveRps: 8.04, setBy: null, setAt: null, reason: null },
  ...{ breaker: 'closed', breakerOpenUntil: null, blockedUntil: null, failuresInARow: 0 },
  ...{ usedLastSecond: 7, usedLastMinute: 300, endpoints: [] },
  ...changes,
});
const plan = (changes: object = {}): object => ({
  ...{ name: 'bubble', version: '1.0.0', title: 'Bubble to PostgreSQL', description: 'All of it.' },
  entities: [
    { name: 'users', title: 'Users', dependsOn: [] },
    { name: 'bookings', title: 'Bookings', dependsOn: ['users'] },
  ],
  ...{ steps: { profiles: ['client_profiles'] }, rules: [], upstreams: ['bubble'] },
  params: { properties: { amountUnit: { type: 'string', description: 'Dollars or cents.' } } },
  ...changes,
});

beforeEach(async () => {
  service = await startScriptedService();
  service.on('GET //healthz', { status: 'alive' });
  service.on('GET //readyz', { status: 'ready', checks: { postgresql: 'ok', redis: 'ok' } });
  service.on('GET /session', { actor: 'dk_1', role: 'operator', expiresAt: null });
  service.on('GET /workers', { items: [worker()] });
  service.on('GET /queues', { items: [queue('extract'), queue('load')] });
  service.on('GET /plans', { items: [plan()] });
  service.on('GET /plans/bubble', plan());
  service.on('GET /upstreams', { items: [upstream()] });
  service.on('GET /cutovers', { items: [] });
});

afterEach(() => service.close());

describe('what there is', () => {
  it('is listed', async () => {
    expect((await runDrover(service.url, ['workers'])).stdout).toMatch(
      /^w1 +alive +box:7 +extract,load +100 +12 +37 % +90 MB +120 MB +42 +1\.5 kB +2\.5 MB/m,
    );
    expect((await runDrover(service.url, ['queues'])).stdout).toMatch(/^extract +open +3 +1$/m);
    expect((await runDrover(service.url, ['limits'])).stdout).toMatch(
      /^bubble +10 +8 +7\/s +300 +closed +configuration$/m,
    );
    expect((await runDrover(service.url, ['plans'])).stdout).toMatch(/^bubble +1\.0\.0 +Bubble to PostgreSQL$/m);
    const details = (await runDrover(service.url, ['plans', 'bubble'])).stdout;
    expect(details).toContain('bookings: Bookings, after users');
    expect(details).toContain('amountUnit (string): Dollars or cents.');
  });

  it('does not take a silent Redis for an empty queue', async () => {
    service.on('GET /queues', { items: [queue('extract', { counts: null }), queue('load')] });
    expect((await runDrover(service.url, ['queues'])).stdout).toMatch(/^extract +open +\? +\?$/m);
  });

  it('is the answer of the service with --json', async () => {
    expect((await runDrover(service.url, ['queues', '--json'])).json()).toEqual({
      items: [queue('extract'), queue('load')],
    });
    expect((await runDrover(service.url, ['--json', 'limits', 'bubble'])).json()).toEqual([upstream()]);
  });
});

describe('what is changed', () => {
  it('are queues and limits, with a reason', async () => {
    service.on('POST /queues/load/pause', queue('load', { paused: true, reason: 'index', pausedBy: 'dk_1' }));
    service.on('PATCH /upstreams/bubble', upstream({ maxRps: 5 }));
    const paused = await runDrover(service.url, ['queues', 'pause', 'load', '--reason', 'index']);
    expect(paused.stdout).toMatch(/^load +paused +3 +1 +index \(dk_1\)$/m);
    await runDrover(service.url, ['limits', 'bubble', '--rps', '5', '--reason', 'asked']);
    expect(service.received.map((one) => one.body)).toEqual([{ reason: 'index' }, { maxRps: 5, reason: 'asked' }]);
    for (const args of [
      ['--rps', '5'],
      ['bubble', '--rps', '5'],
      ['bubble', '--rps', '0', '--reason', 'x'],
      ['nope'],
    ]) {
      expect((await runDrover(service.url, ['limits', ...args])).code, args.join(' ')).toBe(2);
    }
  });

  it('are keys; a new one is alone on stdout', async () => {
    const key = { id: 'dk_2', name: 'night', role: 'viewer', createdBy: 'dk_1', createdAt: '2024-01-15T14:00:00.000Z' };
    const stored = { ...key, expiresAt: null, revokedAt: null, lastUsedAt: null };
    service.on('GET /keys', { items: [stored, { ...stored, id: 'dk_3', revokedAt: key.createdAt }], nextCursor: null });
    service.on('POST /keys', () => ({ status: 201, body: { ...stored, key: 'dk_2.secret' } }));
    service.on('DELETE /keys/dk_2', () => ({ status: 204 }));
    const made = await runDrover(service.url, ['keys', 'create', '--name', 'night', '--role', 'viewer']);
    expect(made.stdout).toBe('dk_2.secret\n');
    expect(made.stderr).toContain('not shown again');
    expect((await runDrover(service.url, ['keys'])).stdout).toMatch(/^dk_3 +night +viewer +revoked/m);
    expect((await runDrover(service.url, ['keys', 'revoke', 'dk_2', '--reason', 'left'])).stdout).toBe(
      'key dk_2 is revoked\n',
    );
    expect((await runDrover(service.url, ['keys', 'create', '--name', 'x', '--role', 'king'])).stderr).toContain(
      'viewer',
    );
  });
});

describe('what was', () => {
  it('is in the audit log, which can be verified', async () => {
    const entry = { id: 1, at: '2024-01-15T14:00:00.000Z', actor: 'dk_1', role: 'operator', action: 'run.pause' };
    service.on('GET /audit', { items: [{ ...entry, subject: 'r1', reason: 'lunch', details: {} }], nextCursor: null });
    service.on('GET /audit/verification', {
      ...{ ok: false, checked: 9, brokenAt: 5, brokenCount: 1, newestMissing: true },
      broken: [{ id: 5, problem: 'changed' }],
    });
    expect((await runDrover(service.url, ['audit'])).stdout).toMatch(/dk_1 \(operator\) +run\.pause +r1 +lunch$/m);
    const verified = await runDrover(service.url, ['audit', '--verify']);
    expect(verified).toMatchObject({
      code: 1,
      stdout: 'broken: 1 of 9 rows do not verify\nrow 5: changed\nthe newest rows are missing\n',
    });
  });

  it('is the journey of a record', async () => {
    const record = {
      ...{ id: '1', runId: 'r1', entity: 'users', sourceId: '16x1', stage: 'transform', status: 'rejected' },
      ...{ code: 'BAD_DATE', field: 'created_date', message: 'no date', targetId: null, blockedBy: null },
      ...{ mergedInto: null, attempts: 1, updatedAt: '2024-01-15T14:00:00.000Z' },
    };
    const tried = {
      stage: 'transform',
      status: 'failed',
      code: 'INTERNAL',
      field: null,
      message: 'oops',
      worker: 'w1',
    };
    const way = {
      ...{ run: { plan: 'bubble' }, notes: ['tags: cut'], parent: null, survivor: null, payload: 'purged' },
      stages: [
        { stage: 'extract', state: 'done', at: null },
        { stage: 'transform', state: 'ended', at: record.updatedAt },
      ],
      target: {
        ...{ table: 'bubble.users', id: 't1', operation: 'insert', writtenAt: record.updatedAt, loaded: null },
        ...{ row: { id: 't1', email: '***' }, personal: ['email'] },
      },
    };
    service.on('GET /records', {
      items: [{ ...record, ...way, tries: [{ ...tried, at: '2024-01-15T13:00:00.000Z' }] }],
    });
    service.on('GET /runs/r1', completedRun());
    service.on('GET /runs/r1/records', { items: [record], nextCursor: 'c' });
    const journey = (await runDrover(service.url, ['record', '16x1'])).stdout;
    expect(journey).toContain('BAD_DATE (created_date): no date');
    expect(journey).toContain('13:00:00.000Z transform on w1: failed, INTERNAL: oops');
    expect(journey).toContain('extract done, transform ended 2024-01-15T14:00:00.000Z');
    expect(journey).toContain('bubble.users t1, insert by this run');
    expect(journey).toContain('email: ***');
    const listed = await runDrover(service.url, ['records', 'r1', '--status', 'rejected', '--limit', '1']);
    expect(listed.stdout).toMatch(/^users +16x1 +transform +rejected +BAD_DATE/m);
    expect(service.received.at(-1)?.query).toEqual({ status: 'rejected', limit: '1' });
    service.on('GET /records', { items: [] });
    expect((await runDrover(service.url, ['record', 'nobody'])).code).toBe(2);
  });

  it('is a validation, red or green', async () => {
    const rows = Array.from({ length: 12 }, (_, at) => ({ sourceId: `s${at}`, targetId: null, detail: 'rate 900' }));
    const check = { name: 'rate', entity: 'coach_profiles', severity: 'error', ok: false, description: '25 to 500' };
    const red = {
      ...{ runId: 'r1', at: '2024-01-15T14:00:00.000Z', dataVersion: '7', stale: false, status: 'red' },
      checks: [{ ...check, checked: 100, violations: 12, rows }],
    };
    service.on('GET /runs', { items: [completedRun()], nextCursor: null });
    service.on('POST /runs/r1/validate', red);
    service.on('GET /runs/r1/validation', { ...red, status: 'green', stale: true, checks: [] });
    const ran = await runDrover(service.url, ['validate', 'bubble']);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('error   rate (coach_profiles): 25 to 500 [12 of 100]');
    expect(ran.stdout).toContain('and 2 more: --rows 0 shows all');
    expect((await runDrover(service.url, ['validate', '--rows', '0'])).stdout).not.toContain('more:');
    const stale = await runDrover(service.url, ['validate', '--last']);
    expect(stale.code).toBe(1);
    expect(stale.stdout).toContain('stale');
  });
});

describe('drover doctor', () => {
  it('finds everything well', async () => {
    const ran = await runDrover(service.url, ['doctor']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout.split('\n').filter((line) => line && !line.startsWith('ok'))).toEqual([]);
  });

  it('names each problem with its remedy', async () => {
    const checks = { postgresql: 'ok', redis: 'unreachable' };
    service.on('GET //readyz', () => ({ status: 503, body: { status: 'not ready', checks } }));
    service.on('GET /session', { actor: 'dk_1', role: 'viewer', expiresAt: null });
    service.on('GET /cutovers', {
      items: [
        { stamp: '2026_1', plan: 'p', kind: 'cutover', status: 'held', problems: [], nextActions: ['go', 'abandon'] },
        { stamp: '2026_0', plan: 'p', kind: 'cutover', status: 'done', problems: [], nextActions: ['rollback'] },
      ],
    });
    service.on('GET /workers', { items: [worker({ alive: false }), worker({ queues: ['extract'] })] });
    service.on('GET /queues', {
      items: [queue('extract'), queue('load', { paused: true, reason: 'x', pausedBy: 'y' })],
    });
    const ran = await runDrover(service.url, ['doctor', '--json']);
    expect(ran.code).toBe(1);
    const { findings } = ran.json<{ findings: { name: string; state: string; detail: string; remedy?: string }[] }>();
    const odd = findings.filter(({ state }) => state !== 'ok');
    expect(odd.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'redis problem',
      'key warning',
      'workers problem',
      'queues warning',
      'cutovers warning',
    ]);
    expect(odd.every(({ remedy }) => remedy)).toBe(true);
    expect(odd[2]?.remedy).toContain('--queues load');
  });

  it('tells a wrong key from a service that is not there', async () => {
    service.on('GET /session', () => problemReply(401, 'UNAUTHENTICATED', 'The key is unknown.', 'x'));
    const wrong = await runDrover(service.url, ['doctor']);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('DROVER_TOKEN');
    expect((await runDrover('http://127.0.0.1:1', ['doctor'])).code).toBe(3);
  });
});

describe('wrong use', () => {
  it('ends with 2, a message and what to do, and one document with --json', async () => {
    const wrong = [
      ['statsu'],
      ['run'],
      ['runs', '--limt', '3'],
      ['runs', '--limit', 'x'],
      ['plans', 'a', 'b'],
      ['queues', 'puase'],
    ];
    for (const args of wrong) {
      const ran = await runDrover(service.url, args);
      expect(ran, args.join(' ')).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toMatch(/^USAGE: .+\n→ .*drover.*\n$/);
      expect((await runDrover(service.url, [...args, '--json'])).json()).toMatchObject({ error: { code: 'USAGE' } });
    }
    expect(service.received).toEqual([]);
  });

  it('is met with the nearest command', async () => {
    expect((await runDrover(service.url, ['statsu'])).stderr).toContain('Did you mean status?');
    expect((await runDrover(service.url, ['runs', '--limt', '3'])).stderr).toContain('Did you mean --limit?');
  });

  it('is no question for help', async () => {
    const all = ['up', 'doctor', 'run', 'export', 'keys', 'queues'];
    for (const args of [[], ['--help'], ['help'], ...all.map((name) => ['help', name])]) {
      const ran = await runDrover(service.url, args, { env: { DROVER_URL: 'nonsense' } });
      expect(ran, args.join(' ')).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout).toMatch(/Examples:\n {2}\$ /);
    }
  });
});
