import { createConductorStore } from '../db/conductor/index.ts';
import { saveWatermarks } from '../db/repositories/watermarks.ts';
import type { ValidationView } from '../src/engine/control/contract.ts';
import { type Ending, type FinishDeps, finishRun } from '../src/engine/finish-run.ts';
import type { Run } from '../src/engine/ports.ts';
import { createFolder } from '../src/engine/reports/folder.ts';
import { writeReports } from '../src/engine/reports/write-reports.ts';
import { validateRun } from '../src/engine/validation/validate-run.ts';
import { createInspection, type Inspection } from '../src/service/inspection.ts';
import type { Services } from './services.ts';

/** Ends runs from this process: its folders are where the reports are written. */
export function createFinisher(services: Services): (run: Run) => Promise<void> {
  const { database, target, plans } = services;
  const inspection = createInspection({ database, target, plans });
  const deps: FinishDeps = {
    runs: services.runs,
    counts: createConductorStore(database, target).counts,
    validate: async (run) =>
      validateRun(inspection.validation, run, plans.get(run.plan), await services.runs.entities(run.id)),
    writeReports: (run, ending, validation) => write(services, inspection, run, ending, validation),
    saveWatermarks: (run, entities) => saveWatermarks(database, run, entities),
  };
  return (run) => finishRun(deps, run);
}

async function write(
  services: Services,
  inspection: Inspection,
  run: Run,
  ending: Ending,
  validation: ValidationView | undefined,
): Promise<void> {
  const { config, plans, logger } = services;
  const problems = await writeReports(inspection.reports, {
    run,
    plan: plans.get(run.plan),
    entities: await inspection.views.entityNames(run.id),
    ending,
    validation,
    folders: { reports: createFolder(config.reportDir), exports: createFolder(config.exportDir) },
    exportEntities: !run.dryRun,
  });
  for (const problem of problems) logger.warn({ runId: run.id }, problem);
}
