/**
 * What has to be undone, one row a change. The script fills it from literals, `undo` from drover.changes; what follows is
 * the same for both.
 *
 * - `place`: order of loading; rows are removed the other way round.
 * - `operation`: `insert`, `update`, `remove` of a row that was there twice, or `alias` for a change that made an identity
 *   and touched no row.
 * - `print`: hash of the row as the run left it. A row that has another one now was changed by someone else. Null where
 *   it had been changed already when this was filled.
 * - `suspect`: somebody wrote the row last, and whether that changed anything is to be judged; only `undo` uses it.
 * - `state`: `open`, `done`, `gone` (removed, or put back, by someone else before us), `conflict`.
 */
export const createWorkTableSql = `CREATE TEMPORARY TABLE drover_undo (
  change_id bigint PRIMARY KEY, place int NOT NULL, entity text NOT NULL, source_id text NOT NULL,
  table_name text NOT NULL, target_id uuid NOT NULL, operation text NOT NULL, before jsonb, identity_before jsonb,
  print text, detail text, suspect boolean NOT NULL DEFAULT false, state text NOT NULL DEFAULT 'open', blocked text
) ON COMMIT DROP`;

/** The columns that are filled in; state and obstacles come of themselves. */
export const filledColumns = [
  'change_id bigint',
  'place int',
  'entity text',
  'source_id text',
  'table_name text',
  'target_id uuid',
  'operation text',
  'before jsonb',
  'identity_before jsonb',
  'print text',
  'detail text',
] as const;

export const filledColumnNames = filledColumns.map((column) => column.split(' ')[0]).join(', ');
