import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import type { RunView } from '../../src/contract/runs.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import type { FinishedRun, RunSubject } from '../../src/plan/conformance/types.ts';
import type { Plan } from '../../src/plan/contract.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { createDatabase } from '../helpers/database.ts';
import { createRedisSpace } from '../helpers/redis.ts';
import { rollBackAndWait } from '../helpers/roll-back.ts';
import type { StandIns } from './stand-ins.ts';
import { createTargetTables } from './target.ts';
import { openUpstreams } from './upstreams.ts';
import { createWorker } from './worker.ts';

const actor = { id: 'conformance', role: 'operator' } as const;

/** A database, a key space in Redis, a worker and the control, for the runs of one plan. */
export async function startFleet(plan: Plan, standIns: StandIns): Promise<RunSubject & { close(): Promise<void> }> {
  const store = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const redis = createRedisSpace();
  const database = openDatabase({ url: store.url, applicationName: 'conformance', onError: () => undefined });
  const env = environment(store.url, redis, plan.name);
  const upstreams = await openUpstreams(redis);
  // The control undoes what runs wrote to an API; like the worker it uses the stand-in.
  const controlOf = (settings: Readonly<Record<string, string>>): Control => {
    const config = readConfig({ ...env, ...settings });
    const plans = createRegistry([plan]);
    return openControl({ database, target: database, plans, config, openUpstream: upstreams.factory });
  };
  let control = controlOf({});
  const worker = createWorker();
  return {
    plan,
    async run(content) {
      const { settings, params } = await standIns.get(content);
      control = controlOf(settings);
      await worker.useEnvironment({ ...env, ...settings });
      const request = { plan: plan.name, params: { ...params }, maxFailurePercent: 100 };
      const run = await control.startRun(request, actor);
      return finishedRun(await waitUntilFinished(() => control.run(run.id)));
    },
    async rollback(runId) {
      const undone = await rollBackAndWait(control, runId, actor);
      return { conflicts: undone.conflicts.length };
    },
    ...createTargetTables(database, plan, plan.name.replaceAll('-', '_')),
    async close() {
      await worker.stop();
      upstreams.close();
      await database.$client.end();
      await Promise.all([store.drop(), redis.drop()]);
    },
  };
}

function environment(databaseUrl: string, redis: { url: string; prefix: string }, plan: string) {
  const folder = join(inject('testFolder'), `conformance-${plan}`);
  return {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    DROVER_REDIS_PREFIX: redis.prefix,
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    DROVER_ALLOW_VOLATILE_REDIS: 'true',
    DROVER_TICK_MS: '20',
    LOG_LEVEL: 'silent',
    MIGRATION_BATCH_SIZE: '50',
    MIGRATION_EXPORT_DIR: join(folder, 'data'),
    MIGRATION_REPORT_DIR: join(folder, 'reports'),
  };
}

async function waitUntilFinished(look: () => Promise<RunView>): Promise<RunView> {
  for (const until = Date.now() + 110_000; Date.now() < until; await sleep(50)) {
    const run = await look();
    if (finishedStatuses.includes(run.status)) return run;
  }
  const { status, reason, entities } = await look();
  throw new Error(`the run has not ended: ${status}, ${reason}, ${JSON.stringify(entities)}`);
}

function finishedRun({ id, status, reason, balanced, entities }: RunView): FinishedRun {
  const sum = (field: 'extracted' | 'pending') =>
    Object.values(entities).reduce((total, entity) => total + entity[field], 0);
  return { id, status, reason, balanced, extracted: sum('extracted'), pending: sum('pending') };
}
