import type { RecordHistory, RepairPlanView, RepairResultView } from './records.ts';
import type { PersonView, PurgeRequest, PurgeView } from './retention.ts';
import type { RunStatus } from './run-status.ts';
import type {
  Actor,
  BatchSize,
  FailureGroup,
  Page,
  RecordFilter,
  RecordView,
  ReportEntry,
  RollbackView,
  RunView,
  StartRun,
  ValidationView,
} from './runs.ts';

/** Every method throws DroverError with NOT_FOUND, NOT_ALLOWED_NOW, BAD_REQUEST or CONFIGURATION where it applies. */
export interface Control {
  startRun(input: StartRun, actor: Actor): Promise<RunView>;
  runs(query: {
    plan?: string | undefined;
    status?: RunStatus | undefined;
    cursor?: string | undefined;
    limit?: number | undefined;
  }): Promise<Page<RunView>>;
  run(id: string): Promise<RunView>;
  pause(id: string, reason: string, actor: Actor): Promise<RunView>;
  resume(id: string, reason: string, actor: Actor): Promise<RunView>;
  cancel(id: string, reason: string, actor: Actor): Promise<RunView>;
  /**
   * Replays everything rejected, failed, blocked or mismatched of a run that came to its end, and continues failed extractions.
   */
  retry(id: string, reason: string, actor: Actor): Promise<RunView>;
  /** Compares every record that a finished run wrote with the target again, through its transform. */
  reconcile(id: string, reason: string, actor: Actor): Promise<RunView>;
  /** The repair that would make the target equal to the source: rows that differ, and duplicate rows. */
  repairPlan(id: string): Promise<RepairPlanView>;
  /** Does it: removes rows that are provably doubled, writes what differs again, and compares it. */
  repair(id: string, reason: string, actor: Actor): Promise<RepairResultView>;
  changeBatchSize(id: string, batchSize: BatchSize, reason: string, actor: Actor): Promise<RunView>;
  enqueue(
    id: string,
    input: {
      entity: string;
      sourceIds?: readonly string[] | undefined;
      records?: readonly Record<string, unknown>[] | undefined;
    },
    actor: Actor,
  ): Promise<{ accepted: number; run: RunView }>;
  records(id: string, filter: RecordFilter): Promise<Page<RecordView>>;
  /** The history of one source id: its record in every run, the first run first. */
  history(sourceId: string): Promise<readonly RecordHistory[]>;
  failures(id: string): Promise<readonly FailureGroup[]>;
  /**
   * Sends a group of failures back to the beginning: rejected and failed records are read from the source again, others
   * are processed as they were read.
   */
  replay(id: string, group: string, reason: string, actor: Actor): Promise<{ replayed: number; run: RunView }>;
  validate(id: string, actor: Actor): Promise<ValidationView>;
  validation(id: string): Promise<ValidationView>;
  /** Undoes a run. Changes at APIs are undone after the response, whose status is `working` then; a repeated request continues. */
  rollback(id: string, input: { reason: string; dryRun: boolean }, actor: Actor): Promise<RollbackView>;
  /** The state of a rollback that continues after its answer. */
  rollbackStatus(id: string): Promise<RollbackView>;
  /** Deletes raw and clean payloads of finished runs. */
  purge(input: PurgeRequest, actor: Actor): Promise<PurgeView>;
  /** Everything stored about one person. */
  person(email: string, actor: Actor): Promise<PersonView>;
  reports(id: string): Promise<readonly ReportEntry[]>;
  /**
   * A report's text, or a stream of it for exports. Includes `<entity>.csv`, made from the ledger on the way out.
   * `masked`: without personal data.
   */
  report(
    id: string,
    name: string,
    options?: { readonly masked: boolean },
  ): Promise<{ readonly mediaType: string; readonly body: string | AsyncIterable<string> }>;
  /** Ends work of this process that continues after its request was answered. */
  close(): Promise<void>;
}
