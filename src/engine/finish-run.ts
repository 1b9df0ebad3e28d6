import type { StageCount } from './conductor/ports.ts';
import type { ValidationView } from './control/contract.ts';
import type { Run, RunEntity, RunStore } from './ports.ts';
import { troubleStatuses } from './record-status.ts';
import type { RunStatus } from './run-status.ts';

/** How a run ended, before it is written down. */
export interface Ending {
  readonly status: Extract<RunStatus, 'completed' | 'completed_with_failures'>;
  readonly reason: string | null;
}

export interface FinishDeps {
  readonly runs: Pick<RunStore, 'entities'>;
  readonly counts: (runId: string) => Promise<readonly StageCount[]>;
  /** Moves the run to its end unless a record of it is pending; false then. */
  readonly end: (runId: string, to: Ending['status'], reason: string | null) => Promise<boolean>;
  readonly validate: (run: Run) => Promise<ValidationView>;
  /** Answers what could not be written to files; the reports themselves are in the database all the same. */
  readonly writeReports: (
    run: Run,
    ending: Ending,
    validation: ValidationView | undefined,
  ) => Promise<readonly string[]>;
  /** Keeps where the next incremental run of each entity starts. */
  readonly saveWatermarks: (run: Run, entities: readonly RunEntity[]) => Promise<void>;
}

/**
 * Ends a run whose every record is settled: validates, writes the reports, and says how it went. Safe to do again: a
 * process that dies in between leaves the run running, and the next one starts from here.
 */
export async function finishRun(deps: FinishDeps, run: Run): Promise<void> {
  const entities = await deps.runs.entities(run.id);
  const writes = !run.dryRun && !run.exportOnly;
  const validation = writes ? await deps.validate(run) : undefined;
  const ending = endingOf(await deps.counts(run.id), entities, validation);
  const problems = await deps.writeReports(run, ending, validation);
  if (writes && run.strategy !== 'selective') await deps.saveWatermarks(run, entities);
  const reasons = [...(ending.reason === null ? [] : [ending.reason]), ...problems];
  // Records that were enqueued or replayed meanwhile go on first; the run is finished again after them.
  await deps.end(run.id, ending.status, reasons.length > 0 ? reasons.join('; ') : null);
}

/** Green means that every record is reconciled or skipped, every source gave what it has, and no rule is broken. */
export function endingOf(
  counts: readonly StageCount[],
  entities: readonly RunEntity[],
  validation: ValidationView | undefined,
): Ending {
  const reasons: string[] = [];
  for (const status of troubleStatuses) {
    const n = counts.filter((count) => count.status === status).reduce((sum, count) => sum + count.n, 0);
    if (n > 0) reasons.push(`${n} ${status}`);
  }
  for (const entity of entities) if (entity.errorMessage) reasons.push(`${entity.errorCode}: ${entity.errorMessage}`);
  const broken = validation?.checks.filter((check) => !check.ok && check.severity === 'error') ?? [];
  if (broken.length > 0) reasons.push(`validation: ${broken.map((check) => check.name).join(', ')}`);
  if (reasons.length === 0) return { status: 'completed', reason: null };
  return { status: 'completed_with_failures', reason: reasons.join('; ') };
}
