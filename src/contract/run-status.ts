import { DroverError } from '../errors.ts';

/** The statuses of a run. `pausing` and `cancelling` are requests; they end when no worker holds a record of the run. */
export const runStatuses = [
  'pending',
  'running',
  'pausing',
  'paused',
  'cancelling',
  'cancelled',
  'completed',
  'completed_with_failures',
  'failed',
] as const;

export type RunStatus = (typeof runStatuses)[number];

/** Every allowed move and why it happens. Nothing else changes a run's status. */
export const runTransitions = {
  pending: {
    running: 'the scheduler began it',
    cancelled: 'cancelled before anything was done',
    failed: 'it could not be begun: a setting or the target is wrong',
  },
  running: {
    pausing: 'an operator asked for a pause',
    cancelling: 'an operator asked to cancel',
    completed: 'every record is reconciled or skipped and validation found no error',
    completed_with_failures: 'every record is settled, some of them rejected, failed, blocked or mismatched',
    failed: 'a CRITICAL error stopped it',
  },
  pausing: {
    paused: 'no worker holds a record of the run',
    running: 'resumed before the pause was complete',
    cancelling: 'an operator asked to cancel',
  },
  paused: { running: 'an operator resumed it', cancelling: 'an operator asked to cancel' },
  cancelling: { cancelled: 'no worker holds a record of the run' },
  cancelled: {},
  completed: { running: 'records were added, replayed or are compared again' },
  completed_with_failures: { running: 'records were added, replayed, retried or are compared again' },
  failed: {
    running: 'an operator retried it after the cause was cleared',
    pending: 'an operator retried what could not be begun: the target is prepared first',
    cancelling: 'an operator gave it up',
  },
} as const satisfies Record<RunStatus, Partial<Record<RunStatus, string>>>;

export const finishedStatuses: readonly RunStatus[] = ['cancelled', 'completed', 'completed_with_failures', 'failed'];

/** The actions that an operator may request of a run. */
export const runActions = [
  'pause',
  'resume',
  'cancel',
  'retry',
  'replay',
  'reconcile',
  'mend',
  'enqueue',
  'validate',
  'rollback',
  'changeBatchSize',
] as const;

export type RunAction = (typeof runActions)[number];

/** What is allowed now, by status; the API refuses everything else, so an answer and the rule cannot differ. */
const actionsByStatus: Record<RunStatus, readonly RunAction[]> = {
  pending: ['cancel', 'changeBatchSize'],
  running: ['pause', 'cancel', 'replay', 'enqueue', 'validate', 'changeBatchSize'],
  pausing: ['resume', 'cancel', 'changeBatchSize'],
  paused: ['resume', 'cancel', 'validate', 'changeBatchSize'],
  cancelling: [],
  cancelled: ['validate', 'rollback'],
  completed: ['replay', 'reconcile', 'mend', 'enqueue', 'validate', 'rollback'],
  completed_with_failures: ['retry', 'replay', 'reconcile', 'mend', 'enqueue', 'validate', 'rollback'],
  failed: ['retry', 'cancel', 'validate', 'rollback'],
};

/** The state of a run that decides which actions it accepts. */
export interface RunState {
  readonly status: RunStatus;
  readonly rolledBackAt: Date | null;
  readonly purgedAt?: Date | null;
  /** The plan that is installed is another version than the run was begun under. */
  readonly otherVersion?: boolean;
  /** What it did at APIs is being undone. */
  readonly rollingBack?: boolean;
}

const actionsThatNeedPayloads: readonly RunAction[] = ['retry', 'replay', 'reconcile', 'mend'];
// Actions after which records are processed.
const actionsThatNeedVersion: readonly RunAction[] = ['resume', 'retry', 'replay', 'reconcile', 'mend', 'enqueue'];

/**
 * The actions a run accepts now: only validation once it is rolled back, none that needs payloads once they are purged, and
 * none that processes records under another version of the plan.
 */
export function nextActions(run: RunState): readonly RunAction[] {
  if (run.rolledBackAt) return ['validate'];
  if (run.rollingBack) return [];
  const refused = [
    ...(run.purgedAt ? actionsThatNeedPayloads : []),
    ...(run.otherVersion ? actionsThatNeedVersion : []),
  ];
  return actionsByStatus[run.status].filter((action) => !refused.includes(action));
}

/** True when the table allows the transition. */
export function canMove(from: RunStatus, to: RunStatus): boolean {
  return to in runTransitions[from];
}

/** The statuses from which `to` can be reached; the guard of the UPDATE that moves a run. */
export function statusesBefore(to: RunStatus): readonly RunStatus[] {
  return runStatuses.filter((from) => canMove(from, to));
}

/** Throws NOT_ALLOWED_NOW, naming what is allowed, unless the run accepts the action. */
export function assertAllowed(run: RunState & { readonly id: string }, action: RunAction): void {
  const allowed = nextActions(run);
  if (allowed.includes(action)) return;
  const state = run.rolledBackAt ? 'rolled back' : run.status;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${run.id} is ${state}: ${action} is not possible`, {
    remedy: allowed.length > 0 ? `Possible now: ${allowed.join(', ')}.` : 'Wait until it is settled.',
  });
}

/** Throws NOT_ALLOWED_NOW unless the run is finished. */
export function assertFinished(run: { readonly id: string; readonly status: RunStatus }): void {
  if (finishedStatuses.includes(run.status)) return;
  throw new DroverError('NOT_ALLOWED_NOW', `run ${run.id} is ${run.status}: its payloads are still needed`, {
    remedy: 'Wait for its end, or cancel it.',
  });
}
