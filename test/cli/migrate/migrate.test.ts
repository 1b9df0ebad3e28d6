import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WorkerView } from '../../../src/cli/api-types.ts';
import type { RunMetrics } from '../../../src/contract/metrics.ts';
import type { RunView } from '../../../src/contract/runs.ts';
import { type CommandResult, runDrover as command, type RunningDrover, spawnDrover } from '../../helpers/cli.ts';
import { type DroverService, startDroverService } from './drover-service.ts';

let folder: string;
let drover: DroverService;
let requests: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-migrate-'));
  drover = await startDroverService(folder, 12);
});
afterAll(async () => {
  await drover.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  requests = drover.sandbox.journal.entries().length;
});

/** As a process of its own. */
const start = (...args: readonly string[]): RunningDrover =>
  spawnDrover([...args, '--plan', 'bubble'], drover.env, folder);
/** In this process, which is quicker. */
const ask = (args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> =>
  command(drover.env.DROVER_URL as string, args, { env: { ...drover.env, ...env }, cwd: folder });
const run = (args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> =>
  ask([...args, '--plan', 'bubble'], env);
const full = ['--strategy', 'full'];
const file = (kind: RegExp) => readdirSync(join(folder, 'reports')).find((name) => kind.test(name)) as string;
const today = () =>
  readFileSync(join(folder, 'logs', `migration-${new Date().toISOString().slice(0, 10)}.log`), 'utf8');
const writes = () =>
  drover.sandbox.journal
    .entries()
    .slice(requests)
    .filter((entry) => entry.method !== 'GET');

describe('the commands of a migration', () => {
  it('say what would happen to every record, and write nothing', async () => {
    const ran = await start('migrate:dry-run', ...full, '--rows', '3').ended;
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /^Progress: 100\.0% \((\d+)\/\1\) \| Success: \d+ \| Failed: \d+ \| Rate: (?!0\.0)[\d.]+\/s \| ETA: \S+Z$/m,
    );
    expect(ran.stdout).toMatch(/^ +\d+ {2}create +WOULD_INSERT$/m);
    expect(ran.stdout).toMatch(/and \d+ more; every record is in/);
    const rows: { action: string; source_id: string }[] = parse(
      readFileSync(join(folder, 'reports', file(/^migration-dry-run-.*\.csv$/))),
      { columns: true },
    );
    const { total } = drover.sandbox.manifest.types.user;
    expect(rows.filter((row) => 'entity' in row && row.entity === 'users')).toHaveLength(total);
    expect(writes()).toEqual([]);
  });

  it('say of every record what is wrong with it, after looking at what the migration needs', async () => {
    const ran = await run(['migrate:validate', '--json']);
    const {
      valid,
      findings,
      preview,
      run: view,
    } = ran.json<{
      valid: boolean;
      findings: { name: string; state: string }[];
      preview: { total: number };
      run: RunView;
    }>();
    expect([ran.code, valid]).toEqual([1, false]);
    expect(
      findings.filter(({ name }) => ['postgresql', 'redis', 'key', 'workers', 'plan'].includes(name)),
    ).toHaveLength(5);
    const all = Object.values(view.entities);
    expect(preview.total).toBe(all.reduce((sum, one) => sum + one.rejected + one.blocked + one.failed, 0));
    expect(preview.total).toBeGreaterThan(0);
    expect(view).toMatchObject({ dryRun: true, strategy: 'full' });
    const lines = parse(readFileSync(join(folder, 'reports', file(/^migration-validation-.*\.csv$/))), {
      columns: true,
    });
    expect(lines).toHaveLength(all.reduce((sum, one) => sum + one.extracted, 0));
  });

  it('migrate, and leave an account, a log and a report whose numbers are those of the other end', async () => {
    const second = drover.spawnWorker();
    const fleet = async () => (await ask(['workers', '--json'])).json<{ items: WorkerView[] }>().items;
    while ((await fleet()).length < 2) await sleep(100);
    const ran = await start('migrate', ...full).ended;
    const workers = await fleet();
    second.kill('SIGKILL');
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^ {2}success rate +\d\d\.\d\d %$/m);
    expect(ran.stdout).toMatch(/^ {2}HIGH +VALIDATION_ERROR \(\w+, transform\): \d+ records/m);
    const report = JSON.parse(
      readFileSync(join(folder, 'reports', file(/^migration-report-\d{8}_\d{6}\.json$/)), 'utf8'),
    );
    const { resourceUsage, successRate, processingRate } = report.metrics as RunMetrics;
    expect(resourceUsage.network.requests).toBe(drover.sandbox.journal.entries().length - requests);
    expect([successRate, processingRate].every((rate) => Number(rate) > 0)).toBe(true);
    expect(today()).toMatch(/^\S+Z INFO {4}Progress: 100\.0%/m);
    expect(today()).toMatch(/^\S+Z ERROR {3}transform \w+ \S+: rejected, /m);
    const limits = await ask(['limits']);
    expect(limits.stdout).toMatch(/^bubble +\d+ +\d+ /m);
    expect(resourceUsage).toMatchObject({ complete: true, workers: [{}, {}] });
    expect(resourceUsage.workers.map(({ worker }) => worker).sort()).toEqual(workers.map(({ id }) => id).sort());
    expect(workers.some(({ traffic }) => (traffic.bubble?.requests ?? 0) > 0)).toBe(true);
    for (const { cpuMs, peakRssMb } of workers) expect([cpuMs > 0, peakRssMb > 20]).toEqual([true, true]);
  });

  it('have nothing to resume after that, and say how to begin', async () => {
    const ran = await run(['migrate:resume']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(
      /^NOTHING_TO_RESUME: .* is completed with failures\n→ Start one with: npx drover migrate, or /,
    );
  });

  it('are paused by Ctrl-C and go on with resume, to the same end', async () => {
    drover.sandbox.faults.set([{ fault: 'slow', delayMs: 300 }]);
    const { child, ended, waitForOutput: said } = start('migrate', ...full, '--target-schema', 'paused');
    await said('Progress:');
    child.kill('SIGINT');
    const ran = await ended;
    expect(ran.code).toBe(130);
    expect(ran.stderr).toMatch(/run r\w+ is paused\. To go on: npx drover migrate:resume$/m);
    drover.sandbox.faults.set([]);
    const second = await run(['migrate', ...full, '--target-schema', 'paused']);
    expect(second.stderr).toMatch(
      /^NOT_ALLOWED_NOW: run r\w+ into schema paused is paused and has not ended\n→ To go on with it: npx drover migrate:resume$/m,
    );
    const resumed = await start('migrate:resume', '--json').ended;
    const { run: view, log } = resumed.json<{ run: RunView; log: string }>();
    expect(ran.stderr).toContain(view.id);
    expect(view).toMatchObject({ status: 'completed_with_failures', balanced: true });
    // What was copied when it was interrupted is not copied again.
    const begun = readFileSync(log, 'utf8').match(new RegExp(`run ${view.id} of bubble@\\S+ \\(full\\)`, 'g'));
    expect(begun).toHaveLength(1);
  });

  it('are stopped by a CRITICAL error, with a report, and go on when its cause is cleared', async () => {
    await drover.sql('CREATE SCHEMA stopped; CREATE TABLE stopped.users (LIKE bubble.users INCLUDING ALL)');
    await drover.sql('ALTER TABLE stopped.users DROP COLUMN role');
    const ran = await run(['migrate', ...full, '--target-schema', 'stopped']);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/failed[\s\S]*TARGET_SCHEMA/);
    expect(ran.stdout).toMatch(/^ {2}CRITICAL CONFIGURATION_ERROR \(TARGET_SCHEMA, run\): .* stop migration$/m);
    expect(ran.stdout).toMatch(/It was stopped\. Clear the cause, then: npx drover migrate:resume/);
    expect(ran.stdout).toMatch(/^report: .*migration-report-.*\.json$/m);
    await drover.sql('ALTER TABLE stopped.users ADD COLUMN role text');
    const resumed = await run(['migrate:resume']);
    expect(resumed.stderr).toContain('goes on where it was stopped');
    expect(resumed.stdout).toContain('completed with failures');
  });

  it('write nothing that others than the owner and the group can read', () => {
    const files = ['logs', 'reports'].flatMap((name) => readdirSync(join(folder, name)).map((one) => join(name, one)));
    expect(files.length).toBeGreaterThan(3);
    expect(new Set(files.map((path) => (statSync(join(folder, path)).mode & 0o777).toString(8)))).toEqual(
      new Set(['640']),
    );
  });

  it('take what is not said from variables, and refuse wrong ones all at once', async () => {
    const ids = drover.sandbox.data.ids('user').slice(0, 2).join(',');
    const env = {
      MIGRATION_STRATEGY: 'selective',
      MIGRATION_PRODUCT_IDS: ids,
      MIGRATION_DRY_RUN: 'true',
      MIGRATION_BATCH_SIZE: '5',
    };
    const ran = await run(['migrate', '--json'], env);
    expect(ran.stderr).toContain('MIGRATION_DRY_RUN is true: nothing is written.');
    expect(ran.json<{ run: RunView }>().run).toMatchObject({ strategy: 'selective', dryRun: true, batchSize: 5 });
    const wrong = await run(['migrate'], { MIGRATION_STRATEGY: 'some', MIGRATION_DRY_RUN: 'maybe' });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/MIGRATION_STRATEGY: [\s\S]*MIGRATION_DRY_RUN: /);
  });

  it('help themselves', async () => {
    for (const name of ['migrate', 'migrate:dry-run', 'migrate:validate', 'migrate:resume']) {
      const ran = await ask([name, '--help']);
      expect(ran.code).toBe(0);
      expect(ran.stdout).toContain(`$ npm run ${name}`);
    }
  });
});

it('a worker that gets SIGTERM and SIGINT at once, stopped for 200 ms, drains and ends with 0', async () => {
  const worker = drover.spawnWorker();
  const exit = once(worker, 'exit');
  await expect
    .poll(async () => (await ask(['workers', '--json'])).json<{ items: WorkerView[] }>().items.map(({ pid }) => pid), {
      timeout: 60_000,
      interval: 200,
    })
    .toContain(worker.pid);
  worker.kill('SIGSTOP');
  worker.kill('SIGTERM');
  worker.kill('SIGINT');
  await sleep(200);
  worker.kill('SIGCONT');
  expect(await exit).toEqual([0, null]);
});
