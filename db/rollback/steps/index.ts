import { restoreIdentitiesSql } from './forget.ts';
import { reinsertFunctionSql } from './put-back.ts';
import { blockFunctionSql, removeFunctionSql } from './remove.ts';
import { restoreFunctionSql } from './restore.ts';
import { undoRoundsSql } from './rounds.ts';
import { classifyChangesSql } from './sort-out.ts';

/**
 * What undoes the changes listed in drover_undo, statement by statement: the same in the script and in `undo`, so that
 * what is tested of one is true of the other.
 */
export const undoSteps: readonly string[] = [
  classifyChangesSql,
  reinsertFunctionSql,
  restoreFunctionSql,
  blockFunctionSql,
  removeFunctionSql,
  undoRoundsSql,
  restoreIdentitiesSql,
  'DROP FUNCTION pg_temp.drover_put_back(text), pg_temp.drover_restore(text), pg_temp.drover_block(), pg_temp.drover_remove(text)',
];

/** How it went, for the end of the script. */
export const outcomeSql = `SELECT table_name, CASE WHEN state = 'done' AND operation = 'insert' THEN 'removed'
    WHEN state = 'done' THEN 'restored' WHEN state = 'gone' AND operation = 'remove' THEN 'was there again'
    WHEN state = 'gone' THEN 'was gone already' ELSE 'left alone' END AS outcome, count(*) AS rows
FROM drover_undo WHERE operation <> 'alias' GROUP BY 1, 2 ORDER BY 1, 2`;

/** Every row that was left alone, and why. */
export const conflictsSql = `SELECT entity, target_id::text AS target_id, detail FROM drover_undo
WHERE state = 'conflict' ORDER BY place, entity, source_id`;
