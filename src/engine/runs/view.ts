import type { Database } from '../../../db/client.ts';
import { finishedStatuses, nextActions } from '../../contract/run-status.ts';
import type { RunView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { PlanRegistry } from '../../plan/registry.ts';
import type { Run, RunEntity } from '../ledger/types.ts';
import { writesToApis } from '../rollback/api-undo.ts';
import type { BackgroundRollbackStore } from '../rollback/background.sql.ts';
import { batchSizesOf } from '../stages/batch-size.ts';
import { readTrialCounts } from '../trial/store.ts';
import { forecast, isTrial } from '../trial/trial.ts';
import type { GetSums } from '../validation/sums.ts';
import { type FleetStateReader, findBlockers } from './blockers.ts';
import { isDifferentVersion } from './context.ts';
import { entityProgress, isBalanced, runProgress } from './progress.ts';
import type { RunStore } from './store.ts';
import { readSamples } from './store.ts';

export interface RunViewDeps {
  readonly database: Database;
  readonly store: Pick<RunStore, 'counts' | 'entities'>;
  readonly plans: PlanRegistry;
  readonly sums: GetSums;
  readonly rollbacks: Pick<BackgroundRollbackStore, 'find'>;
  /** Absent where views need no blockers. */
  readonly fleet?: FleetStateReader | undefined;
}

export type RunViews = ReturnType<typeof createRunViews>;

/** Runs as operators see them, from counters and samples: no record is read but for the sums, which are kept a while. */
export function createRunViews(deps: RunViewDeps) {
  return {
    /** The run as the API and `--json` show it. */
    view: (run: Run): Promise<RunView> => viewOf(deps, run),
    /** Entities of the run, parents first. */
    entityNames: async (runId: string): Promise<readonly string[]> =>
      (await deps.store.entities(runId)).map((entity) => entity.entity),
  };
}

async function viewOf(deps: RunViewDeps, run: Run): Promise<RunView> {
  const [entities, counts, samples] = await Promise.all([
    deps.store.entities(run.id),
    deps.store.counts(run.id),
    readSamples(deps.database, run.id),
  ]);
  const names = entities.map((entity) => entity.entity);
  const progress = Object.fromEntries(entities.map((entity) => [entity.entity, entityProgress(entity, counts)]));
  const plan = isInstalled(deps, run) ? deps.plans.get(run.plan) : undefined;
  const now = new Date();
  const rollback = plan && writesToApis(plan) && hasEnded(run) ? await rollbackOf(deps, run) : null;
  const holdups = findBlockers({ run, plan, entities, progress, fleet: await deps.fleet?.read(), now });
  return {
    ...viewFields(run, entities, holdups),
    rollback,
    progress: runProgress({ status: run.status, entities: progress, samples, now }),
    entities: progress,
    balanced: isBalanced(progress),
    sums: await sumsOf(deps, run, names),
    trial: await trialOf(deps, run, names),
    derived: run.dryRun || isTrial(run) ? derivedEntities(plan, names) : [],
    holdups,
    nextActions: nextActions({
      ...run,
      rollingBack: rollback?.status === 'working',
      otherVersion: isInstalled(deps, run) && isDifferentVersion(run, deps.plans.get(run.plan)),
    }),
  };
}

const hasEnded = ({ status }: Run): boolean => finishedStatuses.includes(status);

async function rollbackOf({ rollbacks }: RunViewDeps, run: Run): Promise<RunView['rollback']> {
  const found = await rollbacks.find(run.id);
  if (found === undefined) return null;
  const { status, done, total, error } = found;
  return { status, done, total, error };
}

// A run of a plan that is not installed any more can still be viewed.
const isInstalled = (deps: RunViewDeps, run: Run): boolean => deps.plans.names().includes(run.plan);

async function sumsOf(deps: RunViewDeps, run: Run, names: readonly string[]): Promise<RunView['sums']> {
  return isInstalled(deps, run) ? deps.sums(run, deps.plans.get(run.plan), names) : [];
}

async function trialOf(deps: RunViewDeps, run: Run, names: readonly string[]): Promise<RunView['trial']> {
  const { trial } = run.scope;
  return trial === undefined ? null : forecast(trial, names, await readTrialCounts(deps.database.$client, run.id));
}

function derivedEntities(plan: Plan | undefined, names: readonly string[]): readonly string[] {
  return names.filter((name) => (plan?.entities[name]?.readsAfter ?? []).length > 0);
}

function viewFields(run: Run, entities: readonly RunEntity[], holdups: RunView['holdups']) {
  return {
    id: run.id,
    plan: run.plan,
    version: run.version,
    strategy: run.strategy,
    dryRun: run.dryRun,
    exportOnly: run.exportOnly,
    status: run.status,
    reason: run.reason ?? extractionErrors(run, entities) ?? blockerReason(run, holdups),
    targetSchema: run.targetSchema,
    batchSize: run.batchTuning === null ? run.batchSize : ('auto' as const),
    batchSizes: batchSizesOf(run),
    createdBy: run.createdBy,
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
    rolledBackAt: run.rolledBackAt?.toISOString() ?? null,
    stamp: run.stamp,
  };
}

// Children wait for their parents in every run: no reason for attention.
function blockerReason(run: Run, holdups: RunView['holdups']): string | null {
  if (run.status !== 'running') return null;
  const reasons = holdups.filter(({ code }) => code !== 'WAITING_FOR_PARENTS').map(({ what }) => what);
  return reasons.length === 0 ? null : reasons.join('; ');
}

/** Why a running run is slow: what the extractions that wait for a retry say. */
function extractionErrors(run: Run, entities: readonly RunEntity[]): string | null {
  if (run.status !== 'running') return null;
  const waiting = entities.filter((entity) => entity.status === 'reading' && entity.errorMessage);
  if (waiting.length === 0) return null;
  return waiting.map((entity) => `${entity.entity} waits: ${entity.errorCode}: ${entity.errorMessage}`).join('; ');
}
