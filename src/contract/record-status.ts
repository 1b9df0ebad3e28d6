/** The stages a record passes, in order; each is a queue of its own. */
export const stages = ['extract', 'transform', 'load', 'reconcile'] as const;
export type Stage = (typeof stages)[number];

/** Where a record stands. `pending` is on its way; everything else is an end until someone replays it. */
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
 * Every allowed move of a record and why. The ledger's finish statement is the only writer; it only moves `pending`
 * records, and only with the epoch under which the work was given out.
 */
export const recordTransitions = {
  pending: {
    pending: 'the stage is done and the next one is due, or the try failed and another is due',
    reconciled: 'the target holds what the source says',
    skipped: 'nothing to do: unchanged, excluded, merged into another, or a dry run',
    rejected: 'the data is wrong',
    failed: 'the tries are used up',
    blocked: 'the record it depends on was rejected or failed',
    mismatched: 'the target holds something else than the source says',
  },
  reconciled: { pending: 'enqueued again, or to be compared again' },
  skipped: { pending: 'enqueued again, or found unchanged and to be compared' },
  rejected: { pending: 'replayed after the data or the mapping changed' },
  failed: { pending: 'replayed' },
  blocked: { pending: 'its parent was mended' },
  mismatched: { pending: 'replayed: it is written again; or to be compared again' },
} as const satisfies Record<RecordStatus, Partial<Record<RecordStatus, string>>>;

/** The statuses that have to be explained for a run to be green; they are shown as failures. */
export const failureStatuses = [
  'rejected',
  'failed',
  'blocked',
  'mismatched',
] as const satisfies readonly RecordStatus[];
export type FailureStatus = (typeof failureStatuses)[number];
