import { createRedisIdentity } from '../queues/redis.ts';
import type { ValidationView } from '../src/contract/runs.ts';
import type { Run } from '../src/engine/ledger/types.ts';
import { createEngineServices, type EngineServices } from '../src/engine/open-engine.ts';
import type { AllowedRates } from '../src/engine/reports/metrics.ts';
import { createReportFolder, writeReports } from '../src/engine/reports/write.ts';
import {
  endRun,
  type FinishRunDeps,
  finishRun,
  type RunOutcome,
  saveWatermarks,
} from '../src/engine/scheduler/complete-run.ts';
import { createLeadership } from '../src/engine/scheduler/leader.ts';
import { createScheduler, type Scheduler } from '../src/engine/scheduler/scheduler.ts';
import { createSchedulerStore } from '../src/engine/scheduler/store.ts';
import { createTrialTables } from '../src/engine/trial/store.ts';
import { validateRun } from '../src/engine/validation/validate.ts';
import { entityOrder } from '../src/plan/define-plan.ts';
import { readUpstreamStates, setLimit } from '../src/upstreams/states.ts';
import { flushWorkerUsage } from './heartbeat.ts';
import type { Services } from './services.ts';

/** The conductor of this process; one of the fleet leads at a time. */
export function startScheduler(services: Services): Scheduler {
  const { config, logger, plans } = services;
  const conductor = createScheduler({
    store: createSchedulerStore(services.database, services.target),
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
    },
    finishRun: createRunFinisher(services),
    leadership: createLeadership(services.databaseUrl),
    log: logger,
    name: services.name,
    tickMs: config.tickMs,
    sweepAgeMs: config.sweepAgeMs,
    graceMs: config.lockDurationMs,
  });
  conductor.start();
  return conductor;
}

/** Lays into a new Redis what operators had set by hand: paused queues and limits. PostgreSQL remembers both. */
async function restoreOverrides(services: Services): Promise<void> {
  const paused = new Set((await services.queuePauses.list()).map((pause) => pause.queue));
  for (const [name, queue] of services.producer.queues) {
    if (paused.has(name)) await queue.pause();
  }
  for (const limit of await services.limits.list()) {
    await setLimit(services.redis, services.config.redisPrefix, limit.upstream, limit.maxRps);
  }
}

/** Ends runs from this process: its folders are where the reports are written. */
function createRunFinisher(services: Services): (run: Run) => Promise<void> {
  const { database, target, plans } = services;
  const inspection = createEngineServices({ database, target, plans, apis: services.api.apis });
  const deps: FinishRunDeps = {
    runs: services.runs,
    counts: createSchedulerStore(database, target).counts,
    end: (runId, to, reason) => endRun(database, runId, to, reason),
    validate: async (run) =>
      validateRun(inspection.validation, run, plans.get(run.plan), await services.runs.entities(run.id)),
    writeReports: (run, ending, validation) => writeRunReports(services, inspection, run, ending, validation),
    saveWatermarks: (run, entities) => saveWatermarks(database, run, entities),
  };
  return (run) => finishRun(deps, run);
}

async function writeRunReports(
  services: Services,
  inspection: EngineServices,
  run: Run,
  ending: RunOutcome,
  validation: ValidationView | undefined,
): Promise<readonly string[]> {
  const { config, plans, logger } = services;
  const entities = await inspection.views.entityNames(run.id);
  const problems = await writeReports(inspection.reports, {
    run,
    plan: plans.get(run.plan),
    entities,
    ending,
    validation,
    usageComplete: await flushWorkerUsage(services),
    allowed: await allowedRates(services),
    folders: { reports: createReportFolder(config.reportDir), exports: createReportFolder(config.exportDir) },
    exportEntities: !run.dryRun && !entities.some((entity) => readsFromFiles(services, run, entity)),
  });
  for (const problem of problems) logger.warn({ runId: run.id }, problem);
  return problems;
}

/** What the fleet may ask of each upstream. Redis being away costs these figures, and not the report. */
async function allowedRates({ redis, config }: Services): Promise<AllowedRates> {
  const states = await readUpstreamStates(redis, config.redisPrefix).catch(() => []);
  return Object.fromEntries(
    states.flatMap(({ name, endpoint, overrideRps, configuredRps }) => {
      const allowed = overrideRps ?? configuredRps;
      return endpoint === null && allowed !== null ? [[name, allowed]] : [];
    }),
  );
}

/** True of a run that began from exported files: writing them again would overwrite what it was made from. */
function readsFromFiles(services: Services, run: Run, entity: string): boolean {
  try {
    return services.source(services.plans.get(run.plan), run, entity).immutable === true;
  } catch {
    // A source that cannot be made any more (a setting was taken away) is no file of ours.
    return false;
  }
}
