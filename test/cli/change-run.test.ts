import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRollbackProgress } from '../../src/cli/commands/rollback.ts';
import type { RollbackView } from '../../src/contract/runs.ts';
import { runDrover, temporaryFolder } from '../helpers/cli.ts';
import { completedRun, failureGroup, runView } from '../helpers/run-fixtures.ts';
import { problemReply, type ScriptedService, startScriptedService } from '../helpers/scripted-service.ts';

let service: ScriptedService;

beforeEach(async () => {
  service = await startScriptedService();
  service.on('GET /runs/r1', runView());
});

afterEach(() => service.close());

const changes = () => service.received.filter((one) => one.method !== 'GET');
const bodies = (): unknown[] => changes().map((one) => one.body);

describe('pause, resume, cancel, retry', () => {
  it('ask for one thing, with the reason', async () => {
    for (const name of ['pause', 'resume', 'cancel', 'retry', 'reconcile']) {
      service.on(`POST /runs/r1/${name}`, runView({ status: 'pausing' }));
      const ran = await runDrover(service.url, [name, 'r1', '--reason', ' the API is theirs ']);
      expect(ran, name).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout).toContain('run r1 of bubble@1.0.0: pausing');
    }
    expect(bodies()).toEqual(Array(5).fill({ reason: 'the API is theirs' }));
  });

  it('want a reason where something is stopped', async () => {
    for (const args of [
      ['pause', 'r1'],
      ['pause', 'r1', '--reason', '  '],
      ['rollback', 'r1'],
    ]) {
      expect((await runDrover(service.url, args)).code, args.join(' ')).toBe(2);
    }
    expect(service.received).toEqual([]);
  });

  it('show what is possible instead', async () => {
    service.on('POST /runs/r1/pause', () =>
      problemReply(409, 'NOT_ALLOWED_NOW', 'run r1 is completed: pause is not possible', 'Possible now: replay.'),
    );
    const ran = await runDrover(service.url, ['pause', 'r1', '--reason', 'x']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toBe('NOT_ALLOWED_NOW: run r1 is completed: pause is not possible\n→ Possible now: replay.\n');
  });

  it('follow a run that goes on', async () => {
    service.on('POST /runs/r1/retry', runView());
    service.on('GET /runs/r1', completedRun());
    const ran = await runDrover(service.url, ['retry', 'r1', '--wait', '--json']);
    expect(ran.json()).toMatchObject({ status: 'completed' });
  });
});

describe('migrate:resume', () => {
  it('passes over runs that write nothing to the target, exports among them', async () => {
    const page = [
      runView({ id: 'r9', status: 'paused', exportOnly: true }),
      runView({ id: 'r8', status: 'paused', dryRun: true }),
      runView({ id: 'r7', status: 'completed' }),
    ];
    service.on('GET /runs', { items: page, nextCursor: null });
    const ran = await runDrover(service.url, ['migrate:resume', '--plan', 'bubble']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('NOTHING_TO_RESUME: there is no interrupted run: the last run, r7, is completed');
    expect(changes()).toEqual([]);
  });
});

describe('reconcile', () => {
  const doubled = (refusal: string | null, targetId: string) => ({
    ...{ entity: 'payments', table: 'payments', sourceId: 'p7', ofTargetId: 'own-row' },
    ...{ targetId, refusal },
  });
  const mending = {
    runId: 'r1',
    write: [failureGroup({ status: 'mismatched', code: 'TARGET_DIFFERS' })],
    remove: [doubled(null, 'twin-1'), doubled('a row of shop.refunds points at it', 'twin-2')],
  };

  it('shows what would be mended, and changes nothing', async () => {
    service.on('GET /runs/r1/mending', mending);
    const ran = await runDrover(service.url, ['reconcile', 'r1', '--plan']);
    expect(ran).toMatchObject({ code: 1, stderr: '' });
    for (const part of ['TARGET_DIFFERS', 'twin-1', 'twin-2', 'a row of shop.refunds points at it'])
      expect(ran.stdout).toContain(part);
    expect(changes()).toEqual([]);
    service.on('GET /runs/r1/mending', { runId: 'r1', write: [], remove: [] });
    expect(await runDrover(service.url, ['reconcile', 'r1', '--plan'])).toMatchObject({ code: 0 });
  });

  it('mends on request, with a reason, and only when it is confirmed', async () => {
    service.on('GET /runs/r1/mending', mending);
    expect(await runDrover(service.url, ['reconcile', 'r1', '--mend', '--yes'])).toMatchObject({ code: 2 });
    expect(await runDrover(service.url, ['reconcile', 'r1', '--mend', '--reason', 'x'])).toMatchObject({ code: 2 });
    expect(await runDrover(service.url, ['reconcile', 'r1', '--mend', '--plan'])).toMatchObject({ code: 2 });
    expect(changes()).toEqual([]);
    const [gone, left] = mending.remove;
    service.on('POST /runs/r1/mend', { written: 3, removed: [gone], left: [left], run: runView() });
    const ran = await runDrover(service.url, ['reconcile', 'r1', '--mend', '--yes', '--reason', 'as shown']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('removed 1 doubled rows; 3 records are written and compared again');
    expect(ran.stdout).toContain('a row of shop.refunds points at it');
    expect(bodies()).toEqual([{ reason: 'as shown' }]);
  });
});

describe('replay', () => {
  it('takes one group or all that can be replayed', async () => {
    const blocked = failureGroup({ group: 'g2', status: 'blocked' });
    service.on('GET /runs/r1/failures', { items: [failureGroup(), blocked, failureGroup({ group: 'g3' })] });
    for (const group of ['g1', 'g3']) {
      service.on(`POST /runs/r1/failures/${group}/replay`, () => ({
        status: 202,
        body: { replayed: 6, run: runView() },
      }));
    }
    expect((await runDrover(service.url, ['replay', 'r1', 'g1'])).stdout).toBe(
      '6 records are on their way again in run r1\n',
    );
    const all = await runDrover(service.url, ['replay', 'r1', '--all', '--reason', 'map mended', '--json']);
    expect(all.json()).toMatchObject({ replayed: 12, run: { id: 'r1' } });
  });

  it('wants to know which', async () => {
    for (const args of [
      ['replay', 'r1'],
      ['replay', 'r1', 'g1', '--all'],
    ]) {
      expect((await runDrover(service.url, args)).code).toBe(2);
    }
  });
});

describe('rollback', () => {
  const view = {
    ...{ runId: 'r1', dryRun: false, status: 'done', done: 7, total: 7, error: null },
    ...{ removed: 5, restored: 2, conflicts: [] as unknown[] },
  };
  beforeEach(() => {
    service.on('POST /runs/r1/rollback', ({ body }) => ({
      body: { ...view, dryRun: (body as { dryRun: boolean }).dryRun },
    }));
  });

  it('is confirmed by a person who was told what is at stake', async () => {
    const questions: string[] = [];
    const answering = (answer: string) => async (question: string) => {
      questions.push(question);
      return answer;
    };
    const args = ['rollback', 'r1', '--reason', 'wrong map'];
    const no = await runDrover(service.url, args, { ask: answering('n') });
    expect(no).toMatchObject({ code: 2, stdout: '' });
    expect(bodies()).toEqual([{ reason: 'wrong map', dryRun: true }]);
    expect(questions[0]).toContain('5 rows are removed, 2 restored');
    const yes = await runDrover(service.url, args, { ask: answering('yes') });
    expect(yes).toMatchObject({ code: 0, stdout: 'run r1: removed 5 rows and restored 2\n' });
    expect(bodies().at(-1)).toEqual({ reason: 'wrong map', dryRun: false });
  });

  it('needs --yes where nobody can be asked', async () => {
    const ran = await runDrover(service.url, ['rollback', 'r1', '--reason', 'x']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('--yes');
    expect(service.received).toEqual([]);
    expect((await runDrover(service.url, ['rollback', 'r1', '--reason', 'x', '--yes'])).code).toBe(0);
    expect((await runDrover(service.url, ['rollback', 'r1', '--reason', 'x', '--dry-run'])).stdout).toContain(
      'would remove 5',
    );
  });

  it('ends with 1 when rows were not undone, and names the cause of each and no other', async () => {
    const detail = 'price price_1: Stripe does not archive a default price';
    const conflicts = [{ entity: 'users', targetId: 't1', detail }];
    service.on('POST /runs/r1/rollback', { ...view, conflicts });
    const ran = await runDrover(service.url, ['rollback', 'r1', '--reason', 'x', '--yes']);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain('1 were not undone:');
    expect(ran.stdout).toContain(detail);
    expect(ran.stdout).not.toContain('someone else');
  });

  it('with nothing to undo shows no percentage', () => {
    const empty = {
      ...view,
      status: 'done',
      done: 0,
      total: 0,
      removed: 0,
      restored: 0,
      conflicts: [],
    } as RollbackView;
    expect(formatRollbackProgress(empty)).toBe('Rollback: nothing to undo');
  });
});

describe('a rollback that goes on in the service', () => {
  const view = (status: string, done: number, more = {}) => ({
    ...{ runId: 'r1', dryRun: false, status, done, total: 1_000, error: null },
    ...{ removed: done, restored: 0, conflicts: [] as unknown[], ...more },
  });
  const args = ['rollback', 'r1', '--reason', 'x', '--yes'];
  beforeEach(() => service.on('POST /runs/r1/rollback', () => ({ status: 202, body: view('working', 0) })));

  it('is followed to its end, with what it came to', async () => {
    const states = [view('working', 452), view('done', 1_000)];
    service.on('GET /runs/r1/rollback', () => ({ body: states.shift() }));
    const ran = await runDrover(service.url, args);
    expect(ran).toMatchObject({ code: 0, stdout: 'run r1: removed 1000 rows and restored 0\n' });
    expect(ran.stderr).toMatch(/^Rollback: 0\.0% \(0\/1000\) \| Removed: 0 \| Restored: 0 \| Not undone: 0$/m);
    expect(ran.stderr).toMatch(/^Rollback: 100\.0% \(1000\/1000\)/m);
  });

  it('says where it stopped and how it goes on', async () => {
    service.on('GET /runs/r1/rollback', view('interrupted', 300));
    const ran = await runDrover(service.url, args);
    expect(ran).toMatchObject({
      code: 1,
      stdout: 'run r1: removed 300 rows and restored 0; interrupted at 300 of 1000\n',
    });
    expect(ran.stderr).toContain('It goes on with: npx drover rollback r1');
    service.on('GET /runs/r1/rollback', view('failed', 300, { error: 'UPSTREAM_UNAUTHORIZED: stripe: 401' }));
    expect((await runDrover(service.url, args)).stdout).toContain('failed at 300 of 1000: UPSTREAM_UNAUTHORIZED');
  });
});

describe('batch-size and enqueue', () => {
  it('let the service find the size of batches out', async () => {
    const batchSizes = { extract: 10, transform: 500, load: 85, reconcile: 225 };
    service.on('PATCH /runs/r1', runView({ batchSize: 'auto', batchSizes }));
    const ran = await runDrover(service.url, ['batch-size', 'r1', 'auto', '--reason', 'unknown machine']);
    const text = 'batch size: auto (extract 10, transform 500, load 85, reconcile 225)';
    expect(ran).toMatchObject({ code: 0, stdout: `run r1: ${text}\n` });
    service.on('GET /runs/r1', runView({ batchSize: 'auto', batchSizes }));
    service.on('GET /runs/r1/failures', { items: [] });
    service.on('GET /runs/r1/reports', { items: [] });
    expect((await runDrover(service.url, ['status', 'r1'])).stdout).toContain(`into schema bubble, ${text}`);
    expect(bodies()).toEqual([{ batchSize: 'auto', reason: 'unknown machine' }]);
    expect((await runDrover(service.url, ['batch-size', 'r1', 'some', '--reason', 'x'])).code).toBe(2);
  });

  it('change the size of batches', async () => {
    service.on('PATCH /runs/r1', runView({ batchSize: 100 }));
    const ran = await runDrover(service.url, ['batch-size', 'r1', '100', '--reason', 'short window']);
    expect(ran.stdout).toBe('run r1: batch size: 100\n');
    expect(bodies()).toEqual([{ batchSize: 100, reason: 'short window' }]);
  });

  it('send ids and records, many of them in pieces', async () => {
    service.on('POST /runs/r1/records', ({ body }) => {
      const { sourceIds, records } = body as { sourceIds?: unknown[]; records?: unknown[] };
      return { status: 202, body: { accepted: (sourceIds ?? records ?? []).length, run: runView() } };
    });
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'late.json'), '[{"_id": "1"}, {"_id": "2"}]');
    writeFileSync(join(folder, 'ids.txt'), Array.from({ length: 60_000 }, (_, at) => `id${at}`).join('\n'));
    const few = await runDrover(service.url, ['enqueue', 'r1', 'users', '--file', 'late.json'], { cwd: folder });
    expect(few.stdout).toBe('2 users are on their way in run r1\n');
    const many = await runDrover(service.url, ['enqueue', 'r1', 'users', '--ids', '@ids.txt', '--json'], {
      cwd: folder,
    });
    expect(many.json()).toMatchObject({ accepted: 60_000 });
    expect(changes()).toHaveLength(4);
    expect(new Set(changes().map((one) => one.headers['idempotency-key'])).size).toBe(4);
    expect((await runDrover(service.url, ['enqueue', 'r1', 'users'])).code).toBe(2);
  });
});

describe('a plan in the place of a run', () => {
  const reason = ['--reason', 'x'] as const;
  beforeEach(() => {
    service.on('GET /runs', ({ query }) => ({
      body: { items: query.plan === 'bubble' ? [runView()] : [], nextCursor: null },
    }));
    service.on('GET /runs/r1/failures', { items: [failureGroup()] });
    for (const name of ['pause', 'resume', 'cancel', 'retry']) service.on(`POST /runs/r1/${name}`, runView());
    service.on('POST /runs/r1/failures/g1/replay', { replayed: 6, run: runView() });
    service.on('POST /runs/r1/records', { accepted: 1, run: runView() });
    service.on('PATCH /runs/r1', runView());
    const none = { removed: 0, restored: 0, conflicts: [], done: 0, total: 0, error: null };
    service.on('POST /runs/r1/rollback', { runId: 'r1', dryRun: true, status: 'done', ...none });
    service.on('POST /purge', { dryRun: false, complete: true, runs: [] });
  });

  it.each<readonly string[]>([
    ['pause', 'bubble', ...reason],
    ['resume', 'bubble', ...reason],
    ['cancel', 'bubble', ...reason],
    ['retry', 'bubble'],
    ['replay', 'bubble', 'g1'],
    ['replay', 'bubble', '--all'],
    ['enqueue', 'bubble', 'users', '--ids', 'a'],
    ['batch-size', 'bubble', '5', ...reason],
    ['rollback', 'bubble', '--dry-run', ...reason],
    ['purge', '--run', 'bubble', ...reason],
  ])('%s %s takes its newest run and says which', async (...args) => {
    const ran = await runDrover(service.url, [...args, '--json']);
    expect(ran).toMatchObject({ code: 0, stderr: 'the newest run of bubble is r1 (running)\n' });
    expect(changes()).toHaveLength(1);
    expect(
      (
        await runDrover(
          service.url,
          args.map((arg) => (arg === 'bubble' ? 'r1' : arg)),
        )
      ).stderr,
    ).toBe('');
  });

  it('is refused when there is no such run and no such plan', async () => {
    const ran = await runDrover(service.url, ['cancel', 'bubbel', ...reason]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('bubbel is no run, and no plan that has been run');
    expect(changes()).toEqual([]);
  });
});
