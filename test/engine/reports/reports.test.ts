import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSqlPort } from '../../../db/sql.ts';
import { createAuditLog } from '../../../db/stores/audit.ts';
import type { RunView } from '../../../src/contract/runs.ts';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { failureGroups } from '../../../src/engine/reports/failures.ts';
import { listReports, openReport } from '../../../src/engine/reports/read.ts';
import { createIdentityReader } from '../../../src/engine/reports/records.sql.ts';
import { createReportLedger, createReportStore } from '../../../src/engine/reports/store.ts';
import { createReportFolder, type ReportDeps, writeReports } from '../../../src/engine/reports/write.ts';
import { rollbackSql } from '../../../src/engine/rollback/rollback.ts';
import { createRollbackLedger, createRollbackStore } from '../../../src/engine/rollback/store.ts';
import { entityProgress, isBalanced } from '../../../src/engine/runs/progress.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { batchSizesOf } from '../../../src/engine/stages/batch-size.ts';
import { createValidationLedger } from '../../../src/engine/validation/ledger.sql.ts';
import { computeSums } from '../../../src/engine/validation/sums.ts';
import { createValidationTarget } from '../../../src/engine/validation/target.sql.ts';
import { validateRun } from '../../../src/engine/validation/validate.ts';
import { DroverError } from '../../../src/errors.ts';
import type { Plan } from '../../../src/plan/contract.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

const entities = ['customers', 'payments'];
let harness: Harness;
let deps: ReportDeps;
let folder: string;

beforeAll(async () => {
  harness = await createHarness();
  folder = await mkdtemp(join(tmpdir(), 'drover-reports-'));
  const { database, target } = harness;
  const validation = { ledger: createValidationLedger(database), target: createValidationTarget(target.$client) };
  const rollback = {
    store: createRollbackStore(target.$client),
    ledger: createRollbackLedger(database),
    references: harness.ledger,
    rows: harness.rows,
    effects: createEffectStore(database.$client),
  };
  deps = {
    ledger: createReportLedger(database),
    identities: createIdentityReader(target.$client),
    store: createReportStore(database),
    target: createSqlPort(target.$client),
    rollbackSql: (run, plan) => rollbackSql(rollback, run, plan),
    view: viewOf,
    sums: (run) => computeSums(validation, run, shop, entities),
  };
});
afterAll(async () => {
  await harness.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes'));

async function viewOf(run: Run): Promise<RunView> {
  const counts = await createValidationLedger(harness.database).triggerCounts(run.id);
  const rows = await createRunStore(harness.database).entities(run.id);
  const progress = Object.fromEntries(rows.map((row) => [row.entity, entityProgress(row, counts)]));
  return {
    ...run,
    batchSizes: batchSizesOf(run),
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: null,
    rolledBackAt: null,
    rollback: null,
    progress: { percent: 100, perSecond: 0, etaSeconds: null },
    entities: progress,
    balanced: isBalanced(progress),
    sums: [],
    trial: null,
    derived: [],
    holdups: [],
    nextActions: [],
  };
}

async function load(): Promise<Run> {
  const customer = (email: string) => ({ email, row: { email, name: `Ü "${email}"\n=1+1` } });
  const paid = (customerId: string, n: number) => ({
    customer: customerId, minor: String(n * 100), currency: 'USD', status: 'paid',
    row: { amount: String(n), currency: 'USD', status: 'paid' },
  }); // biome-ignore format: a row of values
  const bad = Object.fromEntries(
    Array.from({ length: 3_000 }, (_, n) => [`=bad${n}`, { reject: `@no ${n}`, row: {} }]),
  );
  const run = await harness.load({
    customers: { a: customer('a@x'), b: customer('a@x'), c: customer('c@x'), ...bad },
    payments: { p: paid('b', 1), q: paid('c', 2), lost: paid('nobody', 4), child: paid('=bad7', 8) },
  });
  await createAuditLog(harness.database).append({
    actor: 'ana',
    role: 'operator',
    action: 'run.start',
    subject: `run:${run.id}`,
    reason: 'go',
  });
  return run;
}

async function write(run: Run, path: string, plan: Plan = shop) {
  const rows = await createRunStore(harness.database).entities(run.id);
  const validationDeps = {
    ledger: createValidationLedger(harness.database),
    target: createValidationTarget(harness.target.$client),
    references: harness.ledger,
    rows: harness.rows,
  };
  return writeReports(deps, {
    run,
    plan,
    entities,
    ending: { status: 'completed_with_failures', reason: '3002 rejected' },
    validation: await validateRun(validationDeps, run, shop, rows),
    usageComplete: true,
    folders: { reports: createReportFolder(join(path, 'reports')), exports: createReportFolder(join(path, 'data')) },
    exportEntities: true,
  });
}

async function download(run: Run, name: string): Promise<string> {
  const { body } = await openReport(deps, run, shop, entities, { name, masked: false });
  let text = '';
  for await (const piece of typeof body === 'string' ? [body] : body) text += piece;
  return text;
}

describe('the reports of a run', () => {
  it('are five files with one stamp, mappings and exports, the same on disk and for download', async () => {
    const run = await load();
    expect(await write(run, folder)).toEqual([]);
    const stamp = `${run.stamp}_${run.id}`;
    const five = [
      `migration_${stamp}.log`,
      `migration_errors_${stamp}.csv`,
      `migration_report_${stamp}.json`,
      `migration_summary_${stamp}.txt`,
      `rollback_migration_${stamp}.sql`,
    ];
    expect((await readdir(join(folder, 'reports'))).sort()).toEqual(five.sort());
    expect((await readdir(join(folder, 'data'))).sort()).toEqual([
      'customer_id_mapping.json',
      'customers.csv',
      'payments.csv',
    ]);
    const listed = await listReports(deps, run);
    expect(listed.map((entry) => entry.name).sort()).toEqual(
      [...five, 'customer_id_mapping.json', 'customers.csv', 'payments.csv'].sort(),
    );
    for (const { name, bytes } of listed) {
      const path = join(folder, /^(migration|rollback)/.test(name) ? 'reports' : 'data', name);
      expect((await stat(path)).size).toBe(bytes);
      if (!name.endsWith('.log')) expect(await readFile(path, 'utf8')).toBe(await download(run, name));
    }
    await expect(download(run, 'other.txt')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('do not replace those of a run that started in the same second', async () => {
    const path = join(folder, 'same-second');
    const first = await harness.load({ customers: {} });
    const second = await harness.load({ customers: {} }, { stamp: first.stamp });
    for (const run of [first, second]) expect(await write(run, path)).toEqual([]);
    const files = await readdir(join(path, 'reports'));
    expect(files).toHaveLength(10);
    for (const run of [first, second]) {
      const report = JSON.parse(
        await readFile(join(path, 'reports', `migration_report_${run.stamp}_${run.id}.json`), 'utf8'),
      );
      expect(report.run.id).toBe(run.id);
      // The name without the run's id, as earlier versions wrote it, is accepted for a download.
      expect(await download(run, `migration_summary_${run.stamp}.txt`)).toContain(run.id);
    }
  });

  it('account for every record', async () => {
    const run = await load();
    await write(run, folder);
    const errors = parse(await download(run, `migration_errors_${run.stamp}.csv`), { columns: true }) as Record<
      string,
      string
    >[];
    expect(errors).toHaveLength(3_002);
    expect(errors.find((row) => row.source_id === "'=bad7")).toMatchObject({
      entity: 'customers',
      code: 'BAD',
      message: "'@no 7",
      remedy: 'Mend it.',
    });
    expect(errors.slice(-2).map((row) => [row.source_id, row.status, row.code])).toEqual([
      ['child', 'blocked', 'PARENT_REJECTED'],
      ['lost', 'rejected', 'ORPHAN'],
    ]);
    const report = JSON.parse(await download(run, `migration_report_${run.stamp}.json`));
    expect(report.run).toMatchObject({ id: run.id, status: 'completed_with_failures', balanced: true });
    expect(report.entities.customers).toMatchObject({ extracted: 3_003, reconciled: 2, skipped: 1, rejected: 3_000 });
    expect(report.sums).toEqual([
      { entity: 'payments', currency: 'USD', status: 'paid', source: '1500', target: '300', unloaded: '1200' },
    ]);
    expect(report.failures[0]).toMatchObject({
      code: 'BAD',
      count: 3_000,
      remedy: 'Mend it.',
      examples: ['=bad0', '=bad1', '=bad10', '=bad100', '=bad1000'],
    });
    expect(report.validation.status).toBe('green');
    const summary = await download(run, `migration_summary_${run.stamp}.txt`);
    expect(summary).toMatch(/Status: {4}completed_with_failures: 3002 rejected/);
    expect(summary).toMatch(/payments +USD +paid +15\.00 +3\.00 +12\.00\n/);
    const log = await download(run, `migration_${run.stamp}.log`);
    expect(log).toMatch(/INFO {4}ana \(operator\) run\.start: go/);
    expect(log.match(/ERROR {3}transform customers =bad/g)).toHaveLength(3_000);
    expect(log).toMatch(/INFO {4}validation is green/);
  });

  it('map every source id, merged ones to their survivor', async () => {
    const run = await load();
    const ids = JSON.parse(await download(run, 'customer_id_mapping.json'));
    expect(Object.keys(ids).sort()).toEqual(['a', 'b', 'c']);
    expect(ids.b).toBe(ids.a);
    expect(await harness.sql('SELECT id FROM shop.customers WHERE email = $1', ['a@x'])).toEqual([{ id: ids.a }]);
  });

  it('export what the source said so that it reads back', async () => {
    const run = await load();
    const rows = parse(await download(run, 'payments.csv'), { columns: true }) as Record<string, string>[];
    expect(rows.map((row) => row.customer)).toEqual(['=bad7', 'nobody', 'b', 'c']);
    expect(JSON.parse(rows[2]?.row ?? '')).toEqual({ amount: '1', currency: 'USD', status: 'paid' });
  });

  it('do not replace an export of the whole source by a part of it', async () => {
    const run = await load();
    const part = join(folder, 'part');
    await write({ ...run, strategy: 'incremental' }, part);
    expect(await readdir(join(part, 'data'))).toEqual(['customer_id_mapping.json']);
  });

  it('are not lost when a folder cannot be written to', async () => {
    const run = await load();
    const taken = join(folder, 'taken');
    await writeFile(taken, '');
    const problems = await write(run, taken);
    expect(problems).toHaveLength(8);
    expect(problems[0]).toMatch(/^migration_errors_.* could not be written: /);
    expect(await download(run, `migration_summary_${run.stamp}.txt`)).toMatch(/^Migration shop@1/);
    expect(parse(await download(run, `migration_errors_${run.stamp}.csv`))).toHaveLength(3_003);
  });

  it('of a plan do not hold up a run when they throw, unless the database is unavailable', async () => {
    const run = await load();
    const planWith = (code: string): Plan => ({
      ...shop,
      reports: [
        {
          name: 'broken.txt',
          mediaType: 'text/plain',
          content: async () => {
            throw new DroverError(code, 'the amount cannot be read');
          },
        },
      ],
    });
    const problems = await write(run, join(folder, 'broken'), planWith('BAD_AMOUNT'));
    expect(problems).toEqual([
      expect.stringMatching(/^broken_.*\.txt could not be written: the amount cannot be read$/),
    ]);
    expect(await download(run, `migration_summary_${run.stamp}.txt`)).toMatch(/^Migration shop@1/);
    await expect(write(run, join(folder, 'away'), planWith('DATABASE_UNAVAILABLE'))).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
  });

  it('group failures by cause, the largest first, under stable names', async () => {
    const run = await load();
    const groups = await failureGroups(deps.ledger, run.id, shop);
    expect(
      groups.map(({ entity, status, code, field, count, severity }) => [entity, status, code, field, count, severity]),
    ).toEqual([
      ['customers', 'rejected', 'BAD', 'field', 3_000, 'HIGH'],
      ['payments', 'blocked', 'PARENT_REJECTED', 'customer_id', 1, 'HIGH'],
      ['payments', 'rejected', 'ORPHAN', 'customer_id', 1, 'HIGH'],
    ]);
    expect(groups).toEqual(await failureGroups(deps.ledger, run.id, shop));
  });
});
