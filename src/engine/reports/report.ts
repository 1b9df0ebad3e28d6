import type { RunMetrics } from '../../contract/metrics.ts';
import { finishedStatuses, type RunStatus } from '../../contract/run-status.ts';
import type { FailureGroup, RunView, SumLine, ValidationView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import { failureGroups } from './failures.ts';
import { type AllowedRates, metricsOf } from './metrics.ts';
import type { ReportLedger } from './types.ts';

/** What the facts of a report are read from. */
export interface ReportFactDeps {
  readonly ledger: ReportLedger;
  /** The run as operators see it. */
  readonly view: (run: Run) => Promise<RunView>;
  /** Sums as they are now; the view's may be a moment old. */
  readonly sums: (run: Run) => Promise<readonly SumLine[]>;
}

/** The status and reason that a report shows. */
export interface ReportEnding {
  readonly status: RunStatus;
  readonly reason: string | null;
}

export interface ReportSubject {
  readonly run: Run;
  readonly plan: Plan;
  readonly ending: ReportEnding;
  readonly validation: ValidationView | undefined;
  /** True when every worker has reported its usage up to now. */
  readonly usageComplete: boolean;
  /** Absent where the limits are not known. */
  readonly allowed?: AllowedRates | undefined;
}

/** The facts of a run as they are now. */
export async function makeReport(deps: ReportFactDeps, subject: ReportSubject): Promise<Omit<Report, 'files'>> {
  const { run, plan, ending, validation, usageComplete, allowed = {} } = subject;
  const [shown, sums, failures, tries, usage] = await Promise.all([
    deps.view(run),
    deps.sums(run),
    failureGroups(deps.ledger, run.id, plan),
    deps.ledger.triesByCode(run.id, plan.upstreams),
    deps.ledger.usage(run.id),
  ]);
  const now = new Date();
  const view = { ...shown, sums };
  const { upstreams } = plan;
  const metrics = metricsOf({ view, failures, tries, upstreams, usage, complete: usageComplete, allowed, now });
  return toReport({ view, ending, failures, metrics, validation, now });
}

/** A file of the run as it was written at its end. */
export interface WrittenFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
}

/** The machine-readable report: everything the other files say, but for single records. */
export interface Report {
  readonly format: 'drover-report/1';
  readonly writtenAt: string;
  readonly run: Omit<RunView, 'entities' | 'sums' | 'nextActions' | 'holdups'>;
  readonly entities: RunView['entities'];
  readonly sums: RunView['sums'];
  readonly failures: readonly FailureGroup[];
  /** Absent in reports written by earlier versions. */
  readonly metrics?: RunMetrics;
  readonly validation: ValidationView | null;
  readonly files: readonly WrittenFile[];
}

export interface ReportInput {
  readonly view: RunView;
  readonly ending: { readonly status: RunStatus; readonly reason: string | null };
  readonly failures: readonly FailureGroup[];
  readonly metrics: RunMetrics;
  readonly validation: ValidationView | undefined;
  readonly now: Date;
}

/** Pure: the view of a run as it is or, for one that is about to end, as it will be after its end. */
function toReport(input: ReportInput): Omit<Report, 'files'> {
  const { entities, sums, nextActions: _later, holdups: _now, ...run } = input.view;
  const now = input.now.toISOString();
  const ended = finishedStatuses.includes(input.ending.status);
  return {
    format: 'drover-report/1',
    writtenAt: now,
    run: { ...run, ...input.ending, finishedAt: run.finishedAt ?? (ended ? now : null) },
    entities,
    sums,
    failures: input.failures,
    metrics: input.metrics,
    validation: input.validation ?? null,
  };
}
