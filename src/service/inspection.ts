import type { Database } from '../../db/client.ts';
import { createConductorStore } from '../../db/conductor/index.ts';
import { createEffectStore } from '../../db/effects/store.ts';
import { createLedger } from '../../db/ledger/index.ts';
import { createDuplicateStore } from '../../db/mending/store.ts';
import { createReportLedger } from '../../db/reports/ledger.ts';
import { createIdentityReader } from '../../db/reports/mapped.ts';
import { createReportStore } from '../../db/reports/store.ts';
import { createBackgroundRollbackStore } from '../../db/rollback/api-rollbacks.ts';
import { createRollbackLedger } from '../../db/rollback/ledger.ts';
import { createRollbackStore } from '../../db/rollback/store.ts';
import { createSqlPort } from '../../db/sql.ts';
import { createValidationLedger } from '../../db/validation/ledger.ts';
import { createValidationTarget } from '../../db/validation/target.ts';
import type { ApiFactory } from '../engine/effects/apis.ts';
import type { DuplicateStore } from '../engine/mending/ports.ts';
import type { ReportDeps } from '../engine/reports/write-reports.ts';
import type { RollbackDeps } from '../engine/rollback/rollback-run.ts';
import { rollbackSql } from '../engine/rollback/rollback-run.ts';
import type { ValidationDeps } from '../engine/validation/check.ts';
import { createSumCache, type GetSums } from '../engine/validation/sum-cache.ts';
import { computeSums } from '../engine/validation/sums.ts';
import type { PlanRegistry } from '../plan/registry.ts';
import { createPostgresTarget } from '../targets/postgres/index.ts';
import type { FleetLook } from './fleet-look.ts';
import { createRunViews, type RunViews } from './run-views.ts';

/** What looks at runs after and while they move: validation, reports, rollback, views. */
export interface Inspection {
  readonly validation: ValidationDeps;
  readonly rollback: RollbackDeps;
  readonly mending: DuplicateStore;
  readonly reports: ReportDeps;
  readonly views: RunViews;
  /** Sums for those who ask often; see createSums. */
  readonly sums: GetSums;
}

/** Puts the engine's ports and the databases together. The API and the workers both need it, and neither the other. */
export function createInspection(parts: {
  readonly database: Database;
  readonly target: Database;
  readonly plans: PlanRegistry;
  readonly fleet?: FleetLook | undefined;
  /** Absent in a process that reaches no upstream. */
  readonly apis?: ApiFactory | undefined;
}): Inspection {
  const { database, target, plans, apis } = parts;
  const references = createLedger(database.$client, target.$client);
  const rows = createPostgresTarget(createSqlPort(target.$client));
  const validationLedger = createValidationLedger(database);
  const validationTarget = createValidationTarget(target.$client);
  const asked = { ledger: validationLedger, target: validationTarget };
  const sums = createSumCache(asked);
  const views = createRunViews({
    database,
    store: createConductorStore(database, target),
    plans,
    sums,
    rollbacks: createBackgroundRollbackStore(database.$client),
    fleet: parts.fleet,
  });
  const rollback: RollbackDeps = {
    store: createRollbackStore(target.$client),
    ledger: createRollbackLedger(database),
    references,
    rows,
    effects: createEffectStore(database.$client),
    apis,
  };
  const reports: ReportDeps = {
    ledger: createReportLedger(database),
    identities: createIdentityReader(target.$client),
    target: createSqlPort(target.$client),
    store: createReportStore(database),
    rollbackSql: (run, plan) => rollbackSql(rollback, run, plan),
    csvExport: (plan, entity) => plans.get(plan).csvExport?.[entity],
    view: views.view,
    sums: async (run) => computeSums(asked, run, plans.get(run.plan), await views.entityNames(run.id)),
  };
  const mending = createDuplicateStore(target.$client);
  return { validation: { ...asked, references, rows, apis }, rollback, mending, reports, views, sums };
}
