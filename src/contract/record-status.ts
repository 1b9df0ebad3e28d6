/** The stages a record passes, in order; each is a queue of its own. */
export const stages = ['extract', 'transform', 'load', 'reconcile'] as const;
export type Stage = (typeof stages)[number];

/**
 * Code of a record whose transform is done but for costly work (a password hash) in the thread pool. Its merge key is
 * known, and nothing waits for it but the records that point at it.
 */
export const waitingForPoolCode = 'WAITING_FOR_POOL';

/** The status of a record. `pending` is in progress; all others are final until the record is replayed. */
export const recordStatuses = [
  'pending',
  'reconciled',
  'skipped',
  'rejected',
  'failed',
  'blocked',
  'mismatched',
] as const;
export type RecordStatus = (typeof recordStatuses)[number];

/**
 * Every transition of a record, its reason, and after the reason its writers. Each statement checks the status it starts
 * from and raises the epoch, so that work dispatched before changes nothing. The writers are: `finish` (ledger/finish.ts,
 * outcomes of the stages), `merge` (ledger/merge.ts), `count_lost` (ledger/leases.ts), `unblock`
 * (scheduler/load-gates.ts), and `replay`, `compare_again` and `enqueue` (runs/control-store.ts). Records that are rejected
 * when they are stored: `store_page` (ledger/store-page.ts) and ids that no source has (runs/selected-ids.sql.ts).
 */
export const recordTransitions = {
  pending: {
    // finish
    pending: 'the stage is done and the next one is due, or the try failed and another is due',
    reconciled: 'the target holds what the source says',
    // finish, merge
    skipped: 'nothing to do: unchanged, excluded, merged into another, or a dry run',
    rejected: 'the data is wrong',
    // finish, count_lost
    failed: 'the tries are used up',
    // finish
    blocked: 'the record it depends on was rejected or failed',
    mismatched: 'the target holds something else than the source says',
  },
  // enqueue, compare_again
  reconciled: { pending: 'enqueued again, or to be compared again' },
  skipped: { pending: 'enqueued again, or found unchanged and to be compared' },
  // enqueue, replay, compare_again; unblock of blocked records only
  rejected: { pending: 'replayed after the data or the mapping changed' },
  failed: { pending: 'replayed' },
  blocked: { pending: 'its parent was loaded since, or it was replayed' },
  mismatched: { pending: 'replayed: it is written again; or to be compared again' },
} as const satisfies Record<RecordStatus, Partial<Record<RecordStatus, string>>>;

/** The statuses of a settled record: where the table leads to from `pending`. */
export type SettledStatus = Exclude<keyof (typeof recordTransitions)['pending'], 'pending'>;

/** The statuses that are shown as failures; a run with one of them does not complete green. */
export const failureStatuses = [
  'rejected',
  'failed',
  'blocked',
  'mismatched',
] as const satisfies readonly RecordStatus[];
export type FailureStatus = (typeof failureStatuses)[number];
