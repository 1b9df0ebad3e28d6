import type { Workspace, WorkspaceRow } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { SqlPort } from '../../plan/sql.ts';

// Ranks and names are compared by their bytes, whatever the collation of the database.
const putSql = `
INSERT INTO drover.workspace_rows AS w (run_id, group_name, row_name, value, lowest, highest)
SELECT $1, x."group", x.row, (array_agg(x.value))[1], min(x.rank COLLATE "C"), max(x.rank COLLATE "C")
FROM json_to_recordset($2::json) AS x("group" text, row text, value jsonb, rank text)
GROUP BY x."group", x.row ORDER BY x."group" COLLATE "C", x.row COLLATE "C"
ON CONFLICT (run_id, group_name, row_name) DO UPDATE SET
  lowest = least(w.lowest COLLATE "C", excluded.lowest), highest = greatest(w.highest COLLATE "C", excluded.highest)
WHERE excluded.lowest COLLATE "C" < w.lowest OR excluded.highest COLLATE "C" > w.highest`;

const groupsSql = `
SELECT group_name AS "group", json_agg(json_build_object('value', value, 'lowest', lowest, 'highest', highest)) AS rows
FROM drover.workspace_rows WHERE run_id = $1 AND group_name IN (
  SELECT DISTINCT group_name FROM drover.workspace_rows WHERE run_id = $1 AND group_name > $2 ORDER BY group_name LIMIT $3)
GROUP BY group_name ORDER BY group_name`;

// A row without a group: reading begins behind the empty name, so it is in no answer.
const markSql = `
INSERT INTO drover.workspace_rows (run_id, group_name, row_name, value, lowest, highest) VALUES ($1, '', '', '{}', '', '')
ON CONFLICT DO NOTHING`;
const isMarkedSql = `SELECT EXISTS (SELECT FROM drover.workspace_rows WHERE run_id = $1 AND group_name = '') AS complete`;
// Those of a run that did not come to its end by itself.
const deleteOldSql = `DELETE FROM drover.workspace_rows WHERE at < now() - interval '7 days'`;

interface Group extends Record<string, unknown> {
  readonly group: string;
  readonly rows: readonly { readonly value: JsonObject; readonly lowest: string; readonly highest: string }[];
}

/** The workspace of a run, in the target database. */
export function createWorkspace(sql: SqlPort, runId: string): Workspace {
  return {
    async put(rows: readonly WorkspaceRow[]) {
      if (rows.length > 0) await sql.query('put workspace rows', putSql, [runId, JSON.stringify(rows)]);
    },
    clear: () => deleteWorkspace(sql, runId),
    async complete() {
      await sql.query(undefined, markSql, [runId]);
      await sql.query(undefined, deleteOldSql, []);
    },
    async isComplete() {
      const [row] = await sql.query<{ complete: boolean }>(undefined, isMarkedSql, [runId]);
      return row?.complete === true;
    },
    groups: (after, limit) => sql.query<Group>('read workspace groups', groupsSql, [runId, after, limit]),
  };
}

/** Deletes what the sources of a run have put aside. */
export async function deleteWorkspace(sql: SqlPort, runId: string): Promise<void> {
  await sql.query(undefined, 'DELETE FROM drover.workspace_rows WHERE run_id = $1', [runId]);
}
