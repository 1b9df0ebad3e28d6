import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../db/client.ts';
import { readConfig } from '../../src/config.ts';
import type { Control, RunView, ValidationView } from '../../src/engine/control/contract.ts';
import { finishedStatuses } from '../../src/engine/run-status.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { openControl } from '../../src/service/open-control.ts';
import { startFleet } from '../bench/fleet.ts';
import { prepareRun } from '../bench/migration.ts';
import { benchPlan } from '../bench/plan.ts';
import type { Ground } from './ground.ts';
import { operator } from './operator.ts';
import { openProbe, type Probe } from './probe.ts';

/** The run that is spoilt; made by `prepareRun` of the bench under this id, which also names its schema. */
export const spoiltRun = 'mismatch';

/** What a comparison of every record found, in the words of the service. */
export interface Named {
  readonly records: number;
  /** `source id: status code field` of every record that differs, in the order of the ids. */
  readonly differing: readonly string[];
  /** Details of the check of doubled rows. */
  readonly doubled: readonly string[];
  readonly seconds: number;
}

export interface MismatchDrill {
  readonly found: Named;
  /** After everything named was mended on request. */
  readonly mended: Named;
  readonly validation: ValidationView['status'];
}

/**
 * Changes one cell, drops one row and doubles another behind the service's back, and asks the service what it finds: by
 * comparing all records, by mending what it named, and by comparing again. The run has to be finished.
 */
export async function spoilAndMend(databaseUrl: string, probe: Probe): Promise<MismatchDrill> {
  const database = openDatabase({ url: databaseUrl, max: 4, applicationName: 'chaos', onError: () => undefined });
  const plans = createRegistry([benchPlan]);
  const control = openControl({ database, target: database, plans, config: readConfig({}) });
  try {
    await ended(control);
    await spoil(probe);
    const found = await compareAll(control, probe);
    await control.mend(spoiltRun, 'named by the comparison', operator);
    await ended(control);
    const mended = await compareAll(control, probe);
    return { found, mended, validation: (await control.validate(spoiltRun, operator)).status };
  } finally {
    await database.$client.end();
  }
}

/** The same with worker processes of its own, for any number of records. */
export async function holdMismatch(ground: Ground, records: number): Promise<MismatchDrill> {
  const databaseUrl = await ground.database();
  const probe = openProbe(databaseUrl);
  await prepareRun(databaseUrl, spoiltRun, records, 500);
  const place = join(ground.folder, spoiltRun);
  const stores = { DATABASE_URL: databaseUrl, REDIS_URL: ground.redis.url, LOG_LEVEL: 'warn' };
  const env = { ...stores, MIGRATION_EXPORT_DIR: place, MIGRATION_REPORT_DIR: place };
  const fleet = await startFleet({ script: './worker.ts', processes: 2, args: ['100'], env });
  try {
    await probe.ask(`UPDATE drover.runs SET status = 'running' WHERE id = $1`, [spoiltRun]);
    return await spoilAndMend(databaseUrl, probe);
  } finally {
    await fleet.stop();
    await probe.close();
    await ground.drop(databaseUrl);
  }
}

/** What of it was not as it must be. */
export function wrongIn({ found, mended, validation }: MismatchDrill): string[] {
  const named = found.differing.length === 2 && found.doubled.length === 1;
  return [
    ...(named ? [] : [`not exactly the three spoilt rows were named: ${[...found.differing, ...found.doubled]}`]),
    ...(mended.differing.length + mended.doubled.length === 0 ? [] : ['not all of it was mended']),
    ...(validation === 'green' ? [] : ['the validation after it is red']),
  ];
}

const twin = '00000000-0000-4000-8000-00000000dead';
const targetOf = (sourceId: string): string =>
  `(SELECT target_id::uuid FROM drover.identities WHERE scope = 'bench/${spoiltRun}' AND source_id = '${sourceId}')`;

async function spoil(probe: Probe): Promise<void> {
  await probe.ask(`UPDATE ${spoiltRun}.items SET name = name || '.' WHERE id = ${targetOf('b17')}`);
  await probe.ask(`DELETE FROM ${spoiltRun}.items WHERE id = ${targetOf('b1018')}`);
  await probe.ask(
    `INSERT INTO ${spoiltRun}.items SELECT (jsonb_populate_record(t, jsonb_build_object('id', '${twin}'))).*
     FROM ${spoiltRun}.items t WHERE id = ${targetOf('b1999')}`,
  );
}

async function compareAll(control: Control, probe: Probe): Promise<Named> {
  const began = Date.now();
  await control.reconcile(spoiltRun, 'somebody was in the tables', operator);
  const run = await ended(control);
  const rows = await probe.ask<{ line: string }>(
    `SELECT concat_ws(' ', source_id || ':', status, code, field) AS line FROM drover.records
     WHERE run_id = $1 AND status <> 'reconciled' ORDER BY source_id`,
    [spoiltRun],
  );
  const { checks } = await control.validation(spoiltRun);
  const doubles = checks.find(({ name }) => name === 'no-doubles');
  return {
    records: run.entities.items?.extracted ?? 0,
    differing: rows.map(({ line }) => line),
    doubled: (doubles?.rows ?? []).map(({ sourceId, detail }) => `${sourceId}: ${detail}`),
    seconds: (Date.now() - began) / 1_000,
  };
}

async function ended(control: Control): Promise<RunView> {
  for (;;) {
    const run = await control.run(spoiltRun);
    if (finishedStatuses.includes(run.status)) return run;
    await sleep(200);
  }
}
