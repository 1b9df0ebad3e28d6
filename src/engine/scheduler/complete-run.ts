import { setTimeout as sleep } from 'node:timers/promises';
import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { counts, runs } from '../../../db/schema/runs.ts';
import { failureStatuses } from '../../contract/record-status.ts';
import type { RunStatus } from '../../contract/run-status.ts';
import type { ValidationView } from '../../contract/runs.ts';
import { DroverError, describeError, toDroverError } from '../../errors.ts';
import type { Run, RunEntity, StageCount, UnsettledRecords } from '../ledger/types.ts';
import { createRunStore, type RunStore } from '../runs/store.ts';
import { claimFinishing, recordFinishFailure, saveSample } from './store.ts';
import type { ScheduledRun, SchedulerDeps, SchedulerMemory } from './types.ts';

// With fewer records a share is not significant.
const minRecordsForFailureRate = 200;
// A full disk or a broken rule is not repaired between two ticks.
const finishRetryMs = 5_000;
// Twenty seconds of attempts: an error that is not of the database or Redis and lasts longer needs an operator.
const maxFinishAttempts = 5;
const sampleEveryMs = 1_000;

/** Writes a progress sample, stops a run with too many failures, and finishes one whose records are all settled. */
export async function completeIfSettled(
  deps: SchedulerDeps,
  { run }: ScheduledRun,
  { finishing, sampledAt }: SchedulerMemory,
): Promise<void> {
  const counts = await deps.runs.counts(run.id);
  await sampleProgress(deps, run.id, counts, sampledAt);
  assertFailureRate(run.maxFailurePercent, counts);
  const entities = await deps.runs.entities(run.id);
  const reading = entities.some((entity) => entity.status === 'reading');
  if (reading || countWithStatus(counts, 'pending') > 0 || finishing.has(run.id)) return;
  if (!(await claimFinishing(deps.database, run.id, deps.name, deps.graceMs))) return;
  finishing.set(
    run.id,
    finishUnderLease(deps, run).finally(() => finishing.delete(run.id)),
  );
}

/**
 * Validation and reports may take minutes. The lease is short and renewed while this process lives, so that another
 * process takes over soon when this one is lost.
 */
async function finishUnderLease(deps: SchedulerDeps, run: Run): Promise<void> {
  const renew = (): void => {
    claimFinishing(deps.database, run.id, deps.name, deps.graceMs).catch(() => undefined);
  };
  const timer = setInterval(renew, deps.graceMs / 3);
  try {
    await deps.finishRun(run);
  } catch (error) {
    await recordFailure(deps, run, error);
  } finally {
    clearInterval(timer);
  }
}

/**
 * Stores the reason, which `status` shows, and waits before the next attempt; after `maxFinishAttempts` the run is moved to
 * `failed`, from which `retry` finishes it. A run waits without limit only for PostgreSQL and Redis.
 */
async function recordFailure(deps: SchedulerDeps, run: Run, thrown: unknown): Promise<void> {
  const error = toDroverError(thrown);
  const counted = !waitsForStores(error);
  try {
    const attempts = await recordFinishFailure(deps.database, run.id, describeError(error), counted);
    deps.log.error({ err: thrown, runId: run.id, attempts }, 'finishing the run failed');
    if (counted && attempts >= maxFinishAttempts) {
      const reason = `the run could not be finished in ${attempts} attempts: ${describeError(error)}`;
      await deps.runs.move(run.id, 'failed', reason);
      return;
    }
  } catch (failure) {
    deps.log.error({ err: thrown, failure: toDroverError(failure).code, runId: run.id }, 'finishing the run failed');
  }
  await sleep(finishRetryMs);
}

// 57014: the statement ran into its own time limit. The database is there, and the next attempt takes as long.
const statementTimeout = '57014';

function waitsForStores({ code, cause }: DroverError): boolean {
  if (code === 'DATABASE_CONFLICT' || code === 'REDIS_UNAVAILABLE') return true;
  return (
    code === 'DATABASE_UNAVAILABLE' && (cause as { readonly code?: string } | undefined)?.code !== statementTimeout
  );
}

async function sampleProgress(
  deps: SchedulerDeps,
  runId: string,
  counts: readonly StageCount[],
  sampledAt: Map<string, number>,
): Promise<void> {
  const now = Date.now();
  if (now - (sampledAt.get(runId) ?? 0) < sampleEveryMs) return;
  sampledAt.set(runId, now);
  const all = totalCount(counts);
  await saveSample(deps.database, runId, all - countWithStatus(counts, 'pending'), all);
}

/**
 * A wrong mapping rejects everything, and is better noticed after hundreds of records than after all of them. The share is
 * of the records that have passed their transform: records that wait for their load are no failures, and no success is
 * counted until a whole entity may load.
 */
function assertFailureRate(maxPercent: number, counts: readonly StageCount[]): void {
  const failures = countWithStatus(counts, 'rejected') + countWithStatus(counts, 'failed');
  const untried = counts.filter(
    ({ status, stage }) => status === 'pending' && (stage === 'extract' || stage === 'transform'),
  );
  const tried = totalCount(counts) - totalCount(untried);
  if (tried < minRecordsForFailureRate || failures * 100 <= tried * maxPercent) return;
  throw new DroverError(
    'HIGH_FAILURE_RATE',
    `${failures} of ${tried} records were rejected or failed, more than ${maxPercent} %.`,
  );
}

function countWithStatus(counts: readonly StageCount[], status: StageCount['status']): number {
  return totalCount(counts.filter((count) => count.status === status));
}

function totalCount(counts: readonly StageCount[]): number {
  return counts.reduce((all, count) => all + count.n, 0);
}

/** How a run ended, before it is stored. */
export interface RunOutcome {
  readonly status: Extract<RunStatus, 'completed' | 'completed_with_failures'>;
  readonly reason: string | null;
}

export interface FinishRunDeps {
  readonly runs: Pick<RunStore, 'entities' | 'counts'>;
  /** Moves the run to its final status; false, with nothing changed, while a record of it is pending. */
  readonly end: (runId: string, to: RunOutcome['status'], reason: string | null) => Promise<boolean>;
  /** Stores requested ids that no source has as rejected records. */
  readonly rejectMissingIds: (run: Run, entities: readonly RunEntity[]) => Promise<void>;
  readonly validate: (run: Run) => Promise<ValidationView>;
  /** Returns what could not be written to files; the reports are stored in the database in any case. */
  readonly writeReports: (
    run: Run,
    outcome: RunOutcome,
    validation: ValidationView | undefined,
  ) => Promise<readonly string[]>;
  /** Stores where the next incremental run of each entity starts. */
  readonly saveWatermarks: (run: Run, entities: readonly RunEntity[]) => Promise<void>;
  /** Records that failed in earlier runs and that this incremental run has not read. */
  readonly countUnread: (run: Run) => Promise<readonly UnsettledRecords[]>;
}

/**
 * Finishes a run whose records are all settled: validates, writes the reports, and sets the final status. Safe to repeat:
 * a process that is lost in between leaves the run running, and the next one starts from here.
 */
export async function finishRun(deps: FinishRunDeps, run: Run): Promise<void> {
  const entities = await deps.runs.entities(run.id);
  await deps.rejectMissingIds(run, entities);
  const writes = !run.dryRun && !run.exportOnly;
  const validation = writes ? await deps.validate(run) : undefined;
  const outcome = runOutcome(await deps.runs.counts(run.id), entities, validation, await deps.countUnread(run));
  const problems = await deps.writeReports(run, outcome, validation);
  if (writes) await deps.saveWatermarks(run, entities);
  const reasons = [...(outcome.reason === null ? [] : [outcome.reason]), ...problems];
  // Records that were enqueued or replayed meanwhile are processed first; the run is finished again after them.
  await deps.end(run.id, outcome.status, reasons.length > 0 ? reasons.join('; ') : null);
}

/** Green: every record is reconciled or skipped, every source gave what it counts, and no validation rule is broken. */
export function runOutcome(
  counts: readonly StageCount[],
  entities: readonly RunEntity[],
  validation: ValidationView | undefined,
  unread: readonly UnsettledRecords[] = [],
): RunOutcome {
  const reasons: string[] = [];
  for (const status of failureStatuses) {
    const n = counts.filter((count) => count.status === status).reduce((sum, count) => sum + count.n, 0);
    if (n > 0) reasons.push(`${n} ${status}`);
  }
  for (const { entity, n } of unread)
    reasons.push(
      `${n} ${entity} that failed in an earlier run cannot be fetched by id and were not read again: run with the full strategy`,
    );
  for (const entity of entities) if (entity.errorMessage) reasons.push(`${entity.errorCode}: ${entity.errorMessage}`);
  const broken = validation?.checks.filter((check) => !check.ok && check.severity === 'error') ?? [];
  if (broken.length > 0) reasons.push(`validation: ${broken.map((check) => check.name).join(', ')}`);
  if (reasons.length === 0) return { status: 'completed', reason: null };
  return { status: 'completed_with_failures', reason: reasons.join('; ') };
}

/**
 * Moves a run to its final status; false, with nothing changed, while a record of it is pending. The run's row is locked
 * for the check: changes that make records pending lock it until their commit, so none can come between check and move.
 */
export function endRun(database: Database, id: string, to: RunStatus, reason: string | null): Promise<boolean> {
  return withDatabaseErrors(
    database.transaction(async (tx) => {
      await tx.select({ id: runs.id }).from(runs).where(eq(runs.id, id)).for('no key update');
      const [pending] = await tx
        .select({ n: sql<number>`coalesce(sum(${counts.n}), 0)::int` })
        .from(counts)
        .where(and(eq(counts.runId, id), eq(counts.status, 'pending')));
      return pending?.n === 0 && createRunStore(tx).move(id, to, reason);
    }),
  );
}
