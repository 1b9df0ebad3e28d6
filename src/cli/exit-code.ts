import { finishedStatuses } from '../contract/run-status.ts';
import type { RunView } from '../contract/runs.ts';

/** Exit codes; stable, scripts rely on them. See `drover --help`. */
export const exitCodes = {
  green: 0,
  /**
   * A run finished with failures, failed or was cancelled; a validation failed; a cutover failed or needs an operator's
   * decision; a check of the doctor found a problem.
   */
  failures: 1,
  /** Wrong use: an unknown option, a bad value, a request the service refuses, a key it does not take. */
  usage: 2,
  /** The service could not be reached or could not answer. */
  unreachable: 3,
  /** Following was ended with Ctrl-C and the run goes on: 128 plus the signal's number, as in shells. */
  detached: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** True when the run does not change by itself any more. */
export function isFinished(run: Pick<RunView, 'status'>): boolean {
  return finishedStatuses.includes(run.status);
}

/** A run in progress is a success: no error is known. */
export function exitCodeOf(run: Pick<RunView, 'status' | 'balanced'>): ExitCode {
  if (!isFinished(run)) return exitCodes.green;
  return run.status === 'completed' && run.balanced ? exitCodes.green : exitCodes.failures;
}
