/** SQL: the run accepts outcomes of its records. `run` is a row of drover.runs. */
export const runAcceptsWritesSql = "run.status NOT IN ('paused', 'cancelled')";

/**
 * SQL of a CTE `running`: the run $1 if it is running. Its row is locked, so that the run cannot be paused during the
 * statement, and a process that resumed after a pause changes nothing.
 */
export const runningRunSql = `running AS MATERIALIZED (
  SELECT id FROM drover.runs WHERE id = $1 AND status = 'running' FOR SHARE
)`;
