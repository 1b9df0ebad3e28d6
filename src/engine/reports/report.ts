import type { FailureGroup, RunView, ValidationView } from '../control/contract.ts';
import type { RunStatus } from '../run-status.ts';

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
  readonly validation: ValidationView | null;
  readonly files: readonly WrittenFile[];
}

export interface ReportInput {
  readonly view: RunView;
  readonly ending: { readonly status: RunStatus; readonly reason: string | null };
  readonly failures: readonly FailureGroup[];
  readonly validation: ValidationView | undefined;
  readonly now: Date;
}

/** Pure: the view of a run that is about to end, as it will be once it has. */
export function reportOf(input: ReportInput): Omit<Report, 'files'> {
  const { entities, sums, nextActions: _later, holdups: _now, ...run } = input.view;
  const now = input.now.toISOString();
  return {
    format: 'drover-report/1',
    writtenAt: now,
    run: { ...run, ...input.ending, finishedAt: run.finishedAt ?? now },
    entities,
    sums,
    failures: input.failures,
    validation: input.validation ?? null,
  };
}
