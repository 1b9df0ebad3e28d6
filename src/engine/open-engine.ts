import type { Redis } from 'ioredis';
import type { Database } from '../../db/client.ts';
import { createSqlPort } from '../../db/sql.ts';
import type { Config } from '../config.ts';
import type { Control } from '../contract/control.ts';
import type { CutoverControl } from '../contract/cutover.ts';
import type { RollbackView } from '../contract/runs.ts';
import type { Logger } from '../logger.ts';
import type { PlanRegistry } from '../plan/registry.ts';
import type { UpstreamFactory } from '../plan/upstream.ts';
import { createPostgresTarget } from '../targets/postgres/index.ts';
import { readUpstreamStates, setLimit } from '../upstreams/states.ts';
import { createUpstreamFactory } from '../upstreams/upstream.ts';
import { type ApiFactory, createApiFactory } from './api-effects/effects.ts';
import { createEffectStore } from './api-effects/store.ts';
import { createCutoverControl } from './cutover/control.ts';
import { createGate } from './cutover/gate.ts';
import { auditNote } from './cutover/records.sql.ts';
import { createCutoverDatabase } from './cutover/store.ts';
import { createHistoryLedger, createHistoryTargets } from './history/history.sql.ts';
import { readHistory } from './history/history.ts';
import { createLedger } from './ledger/ledger.ts';
import type { Run } from './ledger/types.ts';
import { createDuplicateStore, type DuplicateStore } from './repair/duplicates.sql.ts';
import { findDuplicates, removeDuplicates } from './repair/duplicates.ts';
import { failureGroups } from './reports/failures.ts';
import { listReports, openReport } from './reports/read.ts';
import { createIdentityReader } from './reports/records.sql.ts';
import { createReportLedger, createReportStore } from './reports/store.ts';
import type { ReportDeps } from './reports/write.ts';
import { findPersonData } from './retention/person.ts';
import { purge } from './retention/purge.ts';
import { createPersonLedger, createPersonTargets, createRetentionStore } from './retention/store.ts';
import { createBackgroundRollbackStore } from './rollback/background.sql.ts';
import { createBackgroundRollbacks } from './rollback/background.ts';
import { finishedRollbackView, type RollbackDeps, rollbackRun, rollbackSql } from './rollback/rollback.ts';
import { createRollbackLedger, createRollbackStore } from './rollback/store.ts';
import { createFleetStateReader, type FleetStateReader, type UpstreamStatus } from './runs/blockers.ts';
import { createControl } from './runs/control.ts';
import { createControlStore } from './runs/control-store.ts';
import { createRunStore } from './runs/store.ts';
import { createRunViews, type RunViews } from './runs/view.ts';
import { dropTrialSchema } from './trial/store.ts';
import { isTrial } from './trial/trial.ts';
import type { ValidationDeps } from './validation/check.ts';
import { createValidationLedger } from './validation/ledger.sql.ts';
import { computeSums, createSumCache, type GetSums } from './validation/sums.ts';
import { createValidationTarget } from './validation/target.sql.ts';
import { latestValidation, validateRun } from './validation/validate.ts';

// Shorter than clients wait for an answer.
const purgeLimits = { batch: 5_000, budgetMs: 20_000 };

export interface OpenControlDeps {
  readonly database: Database;
  readonly target: Database;
  readonly plans: PlanRegistry;
  readonly config: Config;
  /** The state of upstreams; without it, a run does not show that it waits for one. */
  readonly upstreams?: (() => Promise<readonly UpstreamStatus[]>) | undefined;
  /** Access to upstreams; without it, what runs wrote to APIs can be neither compared nor undone. */
  readonly openUpstream?: UpstreamFactory | undefined;
  /** Called with errors that occur after the request was answered. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** The operators' control over the databases. */
export function openControl(parts: OpenControlDeps): Control {
  const { plans } = parts;
  const store = createControlStore(parts.database);
  const fleet = createFleetStateReader({ database: parts.database, upstreams: parts.upstreams ?? (async () => []) });
  const { validation, rollback, repair, reports, views } = createEngineServices({
    ...parts,
    fleet,
    apis: openApis(parts),
  });
  const planOf = (run: Run) => plans.get(run.plan);
  const history = {
    ledger: createHistoryLedger(parts.database.$client),
    targets: createHistoryTargets(parts.target.$client),
    plan: (name: string) => (plans.names().includes(name) ? plans.get(name) : undefined),
  };
  const retention = createRetentionStore(parts.database.$client);
  const dropTrial = async (runId: string): Promise<void> => {
    const run = await store.find(runId);
    if (!run || !isTrial(run)) return;
    await rollbackTrial(parts.target, run, false);
    await store.setRolledBack(runId);
  };
  const personData = {
    ledger: createPersonLedger(parts.database.$client),
    targets: createPersonTargets(parts.target.$client),
  };
  const rollbacks = createBackgroundRollbacks({
    ...{ store: createBackgroundRollbackStore(parts.database.$client), rollback },
    onFailure: parts.onFailure ?? (() => undefined),
  });
  return createControl({
    store,
    plan: plans.get,
    batchSize: parts.config.batchSize ?? 1,
    view: views.view,
    history: (sourceId) => readHistory(history, sourceId),
    failures: (run) => failureGroups(reports.ledger, run.id, planOf(run)),
    validate: async (run, entry) => validateRun(validation, run, planOf(run), await store.entities(run.id), entry),
    lastValidation: (run) => latestValidation(validation, run, planOf(run)),
    rollback: (run, dryRun) =>
      isTrial(run) ? rollbackTrial(parts.target, run, dryRun) : rollbackRun(rollback, run, planOf(run), { dryRun }),
    backgroundRollbacks: rollbacks,
    duplicates: (run) => findDuplicates(repair, run, planOf(run)),
    removeDuplicates: (run) => removeDuplicates(repair, run, planOf(run)),
    purge: (request, announce) => purge({ store: retention, dropTrial, ...purgeLimits }, request, announce),
    person: (email) => findPersonData({ ...personData, plans: plans.all() }, email),
    reports: (run) => listReports(reports, run),
    report: async (run, name, masked) =>
      openReport(reports, run, planOf(run), await views.entityNames(run.id), { name, masked }),
  });
}

function openApis({ openUpstream: upstreams, config: { settings } }: OpenControlDeps): ApiFactory | undefined {
  // They are used only during a request, and end with the process.
  return upstreams && createApiFactory({ settings, upstreams, signal: new AbortController().signal });
}

/** A trial is undone as a whole: no other run has written into its schema, and nothing points into it. */
async function rollbackTrial(target: Database, run: Run, dryRun: boolean): Promise<RollbackView> {
  const removed = await dropTrialSchema(target.$client, run, dryRun);
  return finishedRollbackView(run.id, dryRun, { removed, restored: 0, conflicts: [] });
}

// Checks take a moment except for tables of many millions of rows; the answer then shows their progress.
const checkWaitMs = 20_000;

export interface OpenCutoversDeps {
  readonly database: Database;
  readonly target: Database;
  /** The target's database too, for statements that may take long. */
  readonly slowQueries: Database;
  readonly plans: PlanRegistry;
  readonly onFailure: (error: unknown) => void;
}

/** The operators' control over cutovers. */
export function openCutovers({ database, target, slowQueries, plans, onFailure }: OpenCutoversDeps): CutoverControl {
  const { validation } = createEngineServices({ database, target, plans });
  return createCutoverControl({
    plan: plans.get,
    database: (note) =>
      createCutoverDatabase(slowQueries.$client, note && auditNote(database, target === database, note)),
    gate: createGate({ database, target: target.$client, plan: plans.get, validation }),
    patienceMs: checkWaitMs,
    onFailure,
  });
}

/** What reads runs during and after their work: validation, reports, rollback, views. */
export interface EngineServices {
  readonly validation: ValidationDeps;
  readonly rollback: RollbackDeps;
  readonly repair: DuplicateStore;
  readonly reports: ReportDeps;
  readonly views: RunViews;
  /** Sums for frequent requests; see createSums. */
  readonly sums: GetSums;
}

/** Wires the engine to its databases, for the API and for the workers. */
export function createEngineServices(parts: {
  readonly database: Database;
  readonly target: Database;
  readonly plans: PlanRegistry;
  readonly fleet?: FleetStateReader | undefined;
  /** Absent in a process that reaches no upstream. */
  readonly apis?: ApiFactory | undefined;
}): EngineServices {
  const { database, target, plans, apis } = parts;
  const references = createLedger(database.$client, target.$client);
  const rows = createPostgresTarget(createSqlPort(target.$client));
  const validationLedger = createValidationLedger(database);
  const validationTarget = createValidationTarget(target.$client);
  const sumsDeps = { ledger: validationLedger, target: validationTarget };
  const sums = createSumCache(sumsDeps);
  const views = createRunViews({
    database,
    store: createRunStore(database),
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
    sums: async (run) => computeSums(sumsDeps, run, plans.get(run.plan), await views.entityNames(run.id)),
  };
  const repair = createDuplicateStore(target.$client);
  return { validation: { ...sumsDeps, references, rows, apis }, rollback, repair, reports, views, sums };
}

/** Upstreams as an API process uses them: their shared state in Redis, their limits, and clients for requests of its own. */
export function openUpstreams(
  redis: Redis,
  { redisPrefix: prefix, allowPrivateUpstreams: allowPrivate }: Config,
  logger: Logger,
) {
  return {
    states: () => readUpstreamStates(redis, prefix),
    setLimit: (name: string, maxRps: number) => setLimit(redis, prefix, name, maxRps),
    open: createUpstreamFactory({ redis, prefix, allowPrivate, logger }),
  };
}
