import { createSqlPort } from '../db/sql.ts';
import { createRedisIdentity } from '../queues/redis.ts';
import type { ValidationView } from '../src/contract/runs.ts';
import type { Run } from '../src/engine/ledger/types.ts';
import { createEngineServices, type EngineServices } from '../src/engine/open-engine.ts';
import type { AllowedRates } from '../src/engine/reports/metrics.ts';
import { createReportFolder, writeReports } from '../src/engine/reports/write.ts';
import { countUnread } from '../src/engine/runs/incremental.sql.ts';
import { rejectMissingIds } from '../src/engine/runs/selected-ids.sql.ts';
import { deleteWorkspace } from '../src/engine/runs/workspace.sql.ts';
import { endRun, type FinishRunDeps, finishRun, type RunOutcome } from '../src/engine/scheduler/complete-run.ts';
import { createLeadership } from '../src/engine/scheduler/leader.ts';
import { createScheduler, type Scheduler } from '../src/engine/scheduler/scheduler.ts';
import { openWatermarks, saveWatermarks, sourceFingerprint } from '../src/engine/scheduler/watermarks.sql.ts';
import { createTrialTables } from '../src/engine/trial/store.ts';
import { validateRun } from '../src/engine/validation/validate.ts';
import { entityOrder } from '../src/plan/define-plan.ts';
import { readUpstreamStates, setLimit } from '../src/upstreams/states.ts';
import { flushWorkerUsage } from './heartbeat.ts';
import type { Services } from './services.ts';

/** The scheduler of this process; it works while this process is the leader. */
export function startScheduler(services: Services): Scheduler {
  const { config, logger, plans } = services;
  const scheduler = createScheduler({
    database: services.database,
    target: services.target,
    runs: services.runs,
    ledger: services.ledger,
    dispatcher: services.producer,
    redis: createRedisIdentity(services.redis, config.redisPrefix),
    plan: plans.get,
    restoreOverrides: () => restoreOverrides(services),
    prepareTarget: async (plan, run) => {
      const tables = Object.values(plan.entities).map((entity) => entity.target.table);
      await createTrialTables(services.target.$client, run, tables);
      await services.postgres.prepare(plan, entityOrder(plan), run.targetSchema);
      const entities = (await services.runs.entities(run.id)).map(({ entity }) => entity);
      const print = sourceFingerprint(plan, run.params, config.settings);
      await openWatermarks({ database: services.database, target: services.target }, run, print, entities);
    },
    finishRun: createRunFinisher(services),
    leadership: createLeadership(services.databaseUrl),
    log: logger,
    name: services.name,
    tickMs: config.tickMs,
    sweepAgeMs: config.sweepAgeMs,
    graceMs: config.lockDurationMs,
  });
  scheduler.start();
  return scheduler;
}

/** Restores in a new Redis what operators have set: paused queues and limits. PostgreSQL stores both. */
async function restoreOverrides(services: Services): Promise<void> {
  const paused = new Set((await services.queuePauses.list()).map((pause) => pause.queue));
  for (const [name, queue] of services.producer.queues) {
    if (paused.has(name)) await queue.pause();
  }
  for (const limit of await services.limits.list()) {
    await setLimit(services.redis, services.config.redisPrefix, limit.upstream, limit.maxRps);
  }
}

/** Finishes runs in this process: the reports are written to its folders. */
function createRunFinisher(services: Services): (run: Run) => Promise<void> {
  const { database, target, plans } = services;
  const engine = createEngineServices({ database, target, plans, apis: services.api.apis });
  const deps: FinishRunDeps = {
    runs: services.runs,
    end: (runId, to, reason) => endRun(database, runId, to, reason),
    rejectMissingIds: (run, entities) => rejectMissingIds(database.$client, run, entities),
    validate: async (run) =>
      validateRun(engine.validation, run, plans.get(run.plan), await services.runs.entities(run.id)),
    writeReports: (run, outcome, validation) => writeRunReports(services, engine, run, outcome, validation),
    saveWatermarks: (run, entities) => saveWatermarks(target, run, entities),
    countUnread: (run) => countUnread(database, run.id),
  };
  const sql = createSqlPort(target.$client);
  return async (run) => {
    await finishRun(deps, run);
    await deleteWorkspace(sql, run.id);
  };
}

async function writeRunReports(
  services: Services,
  engine: EngineServices,
  run: Run,
  outcome: RunOutcome,
  validation: ValidationView | undefined,
): Promise<readonly string[]> {
  const { config, plans, logger } = services;
  const entities = await engine.views.entityNames(run.id);
  const problems = await writeReports(engine.reports, {
    run,
    plan: plans.get(run.plan),
    entities,
    ending: outcome,
    validation,
    usageComplete: await flushWorkerUsage(services),
    allowed: await allowedRates(services),
    folders: { reports: createReportFolder(config.reportDir), exports: createReportFolder(config.exportDir) },
    exportEntities: !run.dryRun && !entities.some((entity) => readsFromFiles(services, run, entity)),
  });
  for (const problem of problems) logger.warn({ runId: run.id }, problem);
  return problems;
}

/** The rate limits of each upstream. Without Redis the report is written without these figures. */
async function allowedRates({ redis, config }: Services): Promise<AllowedRates> {
  const states = await readUpstreamStates(redis, config.redisPrefix).catch(() => []);
  return Object.fromEntries(
    states.flatMap(({ name, endpoint, overrideRps, configuredRps }) => {
      const allowed = overrideRps ?? configuredRps;
      return endpoint === null && allowed !== null ? [[name, allowed]] : [];
    }),
  );
}

/** True for a run that reads exported files: an export would overwrite its own input. */
function readsFromFiles(services: Services, run: Run, entity: string): boolean {
  try {
    return services.source(services.plans.get(run.plan), run, entity).immutable === true;
  } catch {
    // A source that cannot be opened any more (a setting was removed) is not an exported file.
    return false;
  }
}
