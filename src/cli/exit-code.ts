import { finishedStatuses } from '../contract/run-status.ts';
import type { RunView } from '../contract/runs.ts';

/** What a script may rely on; see `drover --help`. */
export const exitCodes = {
  green: 0,
  /**
   * A run finished with failures, failed or was cancelled; a validation is red; a cutover failed, or left something for
   * a person to look at; a check of the doctor found a problem.
   */
  failures: 1,
  /** Wrong use: an unknown option, a bad value, a request the service refuses, a key it does not take. */
  usage: 2,
  /** The service could not be reached or could not answer. */
  unreachable: 3,
  /** Following was ended with Ctrl-C and the run goes on: 128 and the signal's number, as shells have it. */
  detached: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** True when the run will not change by itself any more. */
export function isFinished(run: Pick<RunView, 'status'>): boolean {
  return finishedStatuses.includes(run.status);
}

/** A run on its way is green: nothing is known to be wrong. */
export function exitCodeOf(run: Pick<RunView, 'status' | 'balanced'>): ExitCode {
  if (!isFinished(run)) return exitCodes.green;
  return run.status === 'completed' && run.balanced ? exitCodes.green : exitCodes.failures;
}
