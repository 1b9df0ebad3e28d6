import { createConductorStore } from '../db/conductor/index.ts';
import { endRun } from '../db/repositories/end-run.ts';
import { saveWatermarks } from '../db/repositories/watermarks.ts';
import type { ValidationView } from '../src/engine/control/contract.ts';
import { type Ending, type FinishDeps, finishRun } from '../src/engine/finish-run.ts';
import type { Run } from '../src/engine/ports.ts';
import { createFolder } from '../src/engine/reports/folder.ts';
import type { AllowedRates } from '../src/engine/reports/usage.ts';
import { writeReports } from '../src/engine/reports/write-reports.ts';
import { validateRun } from '../src/engine/validation/validate-run.ts';
import { createInspection, type Inspection } from '../src/service/inspection.ts';
import { readUpstreamStates } from '../src/upstreams/states.ts';
import { flushWorkerUsage } from './roll-call.ts';
import type { Services } from './services.ts';

/** Ends runs from this process: its folders are where the reports are written. */
export function createRunFinisher(services: Services): (run: Run) => Promise<void> {
  const { database, target, plans } = services;
  const inspection = createInspection({ database, target, plans, apis: services.api.apis });
  const deps: FinishDeps = {
    runs: services.runs,
    counts: createConductorStore(database, target).counts,
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
  inspection: Inspection,
  run: Run,
  ending: Ending,
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
    folders: { reports: createFolder(config.reportDir), exports: createFolder(config.exportDir) },
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
