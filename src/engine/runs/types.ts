import type { AuditEntry } from '../../contract/audit.ts';
import type { Control } from '../../contract/control.ts';
import type { DuplicateRow } from '../../contract/records.ts';
import type { PersonView, PurgeRequest, PurgeView } from '../../contract/retention.ts';
import type {
  BatchSize,
  FailureGroup,
  ReportEntry,
  RollbackView,
  RunView,
  ValidationView,
} from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import type { RemovedDuplicates } from '../repair/duplicates.sql.ts';
import type { BackgroundRollbacks } from '../rollback/background.ts';
import type { ControlStore } from './control-store.ts';

export interface ControlDeps {
  readonly store: ControlStore;
  readonly plan: (name: string) => Plan;
  readonly batchSize: BatchSize;
  readonly view: (run: Run) => Promise<RunView>;
  readonly history: Control['history'];
  readonly failures: (run: Run) => Promise<readonly FailureGroup[]>;
  /** Stores the result together with the audit entry. */
  readonly validate: (run: Run, entry: AuditEntry) => Promise<ValidationView>;
  readonly lastValidation: (run: Run) => Promise<ValidationView | undefined>;
  readonly rollback: (run: Run, dryRun: boolean) => Promise<RollbackView>;
  /** Rollbacks that continue after their answer. */
  readonly backgroundRollbacks: BackgroundRollbacks;
  /** Rows of the run's entities that are in the target twice. */
  readonly duplicates: (run: Run) => Promise<readonly DuplicateRow[]>;
  readonly removeDuplicates: (run: Run) => Promise<RemovedDuplicates>;
  /** Announces the runs it will purge before it deletes anything. */
  readonly purge: (request: PurgeRequest, announce: (runs: readonly string[]) => Promise<void>) => Promise<PurgeView>;
  readonly person: (email: string) => Promise<PersonView>;
  readonly reports: (run: Run) => Promise<readonly ReportEntry[]>;
  readonly report: (run: Run, name: string, masked: boolean) => ReturnType<Control['report']>;
}
