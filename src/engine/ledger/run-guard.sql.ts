/** SQL of the states of a run in which its records may move, and may not. `run` is a row of drover.runs. */
export const runAcceptsWritesSql = "run.status NOT IN ('paused', 'cancelled')";

/**
 * `running`: the run $1, if it is running. It cannot be paused before the statement is through, so who slept through a pause
 * decides nothing.
 */
export const runningRunSql = `running AS MATERIALIZED (
  SELECT id FROM drover.runs WHERE id = $1 AND status = 'running' FOR SHARE
)`;
