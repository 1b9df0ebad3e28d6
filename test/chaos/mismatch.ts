import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../db/client.ts';
import { startBenchProcesses } from '../../scripts/bench/fleet.ts';
import { prepareRun } from '../../scripts/bench/migration.ts';
import { benchPlan } from '../../scripts/bench/plan.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import type { RunView, ValidationView } from '../../src/contract/runs.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import type { ChaosEnvironment } from './environment.ts';
import { operatorActor } from './experiment.ts';
import { openProbe, type Probe } from './probe.ts';

/** The run that is spoilt; made by `prepareRun` of the bench under this id, which also names its schema. */
export const corruptedRunId = 'mismatch';

/** What a comparison of every record found, in the words of the service. */
export interface ComparisonResult {
  readonly records: number;
  /** `source id: status code field` of every record that differs, in the order of the ids. */
  readonly differing: readonly string[];
  /** Details of the check of doubled rows. */
  readonly doubled: readonly string[];
  readonly seconds: number;
}

export interface MismatchResult {
  readonly found: ComparisonResult;
  /** After everything named was repaired on request. */
  readonly mended: ComparisonResult;
  readonly validation: ValidationView['status'];
}

/**
 * Changes one cell, drops one row and doubles another behind the service's back, and asks the service what it finds: by
 * comparing all records, by mending what it named, and by comparing again. The run has to be finished.
 */
export async function corruptAndRepair(databaseUrl: string, probe: Probe): Promise<MismatchResult> {
  const database = openDatabase({ url: databaseUrl, max: 4, applicationName: 'chaos', onError: () => undefined });
  const plans = createRegistry([benchPlan]);
  const control = openControl({ database, target: database, plans, config: readConfig({}) });
  try {
    await waitUntilFinished(control);
    await corruptRows(probe);
    const found = await compareAllRecords(control, probe);
    await control.repair(corruptedRunId, 'named by the comparison', operatorActor);
    await waitUntilFinished(control);
    const mended = await compareAllRecords(control, probe);
    return { found, mended, validation: (await control.validate(corruptedRunId, operatorActor)).status };
  } finally {
    await database.$client.end();
  }
}

/** The same with worker processes of its own, for any number of records. */
export async function runMismatchExperiment(environment: ChaosEnvironment, records: number): Promise<MismatchResult> {
  const databaseUrl = await environment.createDatabase();
  const probe = openProbe(databaseUrl);
  await prepareRun(databaseUrl, corruptedRunId, records, 500);
  const place = join(environment.folder, corruptedRunId);
  const stores = { DATABASE_URL: databaseUrl, REDIS_URL: environment.redis.url, LOG_LEVEL: 'warn' };
  const env = { ...stores, MIGRATION_EXPORT_DIR: place, MIGRATION_REPORT_DIR: place };
  const fleet = await startBenchProcesses({ script: './worker.ts', processes: 2, args: ['100'], env });
  try {
    await probe.query(`UPDATE drover.runs SET status = 'running' WHERE id = $1`, [corruptedRunId]);
    return await corruptAndRepair(databaseUrl, probe);
  } finally {
    await fleet.stop();
    await probe.close();
    await environment.dropDatabase(databaseUrl);
  }
}

/** What of it was not as it must be. */
export function mismatchProblems({ found, mended, validation }: MismatchResult): string[] {
  const named = found.differing.length === 2 && found.doubled.length === 1;
  return [
    ...(named ? [] : [`not exactly the three spoilt rows were named: ${[...found.differing, ...found.doubled]}`]),
    ...(mended.differing.length + mended.doubled.length === 0 ? [] : ['not all of it was repaired']),
    ...(validation === 'green' ? [] : ['the validation after it is red']),
  ];
}

const duplicateRowId = '00000000-0000-4000-8000-00000000dead';
const targetIdSql = (sourceId: string): string =>
  `(SELECT target_id::uuid FROM drover.identities WHERE scope = 'bench/${corruptedRunId}' AND source_id = '${sourceId}')`;

async function corruptRows(probe: Probe): Promise<void> {
  await probe.query(`UPDATE ${corruptedRunId}.items SET name = name || '.' WHERE id = ${targetIdSql('b17')}`);
  await probe.query(`DELETE FROM ${corruptedRunId}.items WHERE id = ${targetIdSql('b1018')}`);
  await probe.query(
    `INSERT INTO ${corruptedRunId}.items SELECT (jsonb_populate_record(t, jsonb_build_object('id', '${duplicateRowId}'))).*
     FROM ${corruptedRunId}.items t WHERE id = ${targetIdSql('b1999')}`,
  );
}

async function compareAllRecords(control: Control, probe: Probe): Promise<ComparisonResult> {
  const began = Date.now();
  await control.reconcile(corruptedRunId, 'tables were edited by hand', operatorActor);
  const run = await waitUntilFinished(control);
  const rows = await probe.query<{ line: string }>(
    `SELECT concat_ws(' ', source_id || ':', status, code, field) AS line FROM drover.records
     WHERE run_id = $1 AND status <> 'reconciled' ORDER BY source_id`,
    [corruptedRunId],
  );
  const { checks } = await control.validation(corruptedRunId);
  const doubles = checks.find(({ name }) => name === 'no-doubles');
  return {
    records: run.entities.items?.extracted ?? 0,
    differing: rows.map(({ line }) => line),
    doubled: (doubles?.rows ?? []).map(({ sourceId, detail }) => `${sourceId}: ${detail}`),
    seconds: (Date.now() - began) / 1_000,
  };
}

async function waitUntilFinished(control: Control): Promise<RunView> {
  for (;;) {
    const run = await control.run(corruptedRunId);
    if (finishedStatuses.includes(run.status)) return run;
    await sleep(200);
  }
}
