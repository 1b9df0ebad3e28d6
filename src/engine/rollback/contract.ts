/** What a rollback has done, or is about to do. */
export interface RollbackView {
  readonly runId: string;
  readonly dryRun: boolean;
  /** working: it goes on in the service. interrupted: its process ended; asked for again, it goes on. */
  readonly status: 'working' | 'interrupted' | 'done' | 'failed';
  /** What was gone through, of what there is to undo. */
  readonly done: number;
  readonly total: number;
  readonly removed: number;
  readonly restored: number;
  /** Rows changed by someone else since the run wrote them: left alone and listed. */
  readonly conflicts: readonly { readonly entity: string; readonly targetId: string; readonly detail: string }[];
  /** Why it failed. */
  readonly error: string | null;
}
