import type { Plan } from '../../plan/contract.ts';
import type { RunView, SumLine, ValidationView } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import type { RunStatus } from '../run-status.ts';
import { failureGroups } from './failure-groups.ts';
import { metricsOf } from './metrics.ts';
import type { ReportLedger } from './ports.ts';
import { type Report, toReport } from './report.ts';
import type { AllowedRates } from './usage.ts';

/** What the facts of a report are read from. */
export interface ReportFactDeps {
  readonly ledger: ReportLedger;
  /** The run as operators see it. */
  readonly view: (run: Run) => Promise<RunView>;
  /** Sums as they are now; the view's may be a moment old. */
  readonly sums: (run: Run) => Promise<readonly SumLine[]>;
}

/** How a run stands or ends, as far as reports are concerned. */
export interface ReportEnding {
  readonly status: RunStatus;
  readonly reason: string | null;
}

export interface ReportSubject {
  readonly run: Run;
  readonly plan: Plan;
  readonly ending: ReportEnding;
  readonly validation: ValidationView | undefined;
  /** True when every worker has said what it used up to now. */
  readonly usageComplete: boolean;
  /** Absent where nobody knows the limits. */
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
