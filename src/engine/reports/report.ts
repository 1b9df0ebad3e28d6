import type { FailureGroup, RunMetrics, RunView, ValidationView } from '../control/contract.ts';
import { finishedStatuses, type RunStatus } from '../run-status.ts';

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

/** Pure: the view of a run as it stands or, of one that is about to end, as it will be once it has. */
export function toReport(input: ReportInput): Omit<Report, 'files'> {
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
