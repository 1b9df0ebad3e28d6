/**
 * Identities become what they were, and the changes are struck off, so that a second rollback finds nothing to do.
 * What is a conflict keeps both: it can be undone later.
 */
export const restoreIdentitiesSql = `DO $undo$
DECLARE
  v_run text := current_setting('drover.undo_run');
  v_scope text := current_setting('drover.undo_scope');
BEGIN
  UPDATE drover_undo a SET state = 'done' WHERE a.operation = 'alias' AND NOT EXISTS (SELECT 1 FROM drover_undo u
    WHERE u.table_name = a.table_name AND u.target_id = a.target_id AND u.operation <> 'alias' AND u.state = 'conflict');
  IF to_regclass('drover.identities') IS NOT NULL THEN
    DELETE FROM drover.identities i USING drover_undo u
    WHERE u.state IN ('done', 'gone') AND u.identity_before IS NULL
      AND i.scope = v_scope AND i.entity = u.entity AND i.source_id = u.source_id AND i.run_id = v_run;
    INSERT INTO drover.identities AS i SELECT b.* FROM drover_undo u
    CROSS JOIN LATERAL jsonb_populate_record(NULL::drover.identities, u.identity_before) b
    WHERE u.state IN ('done', 'gone') AND u.identity_before IS NOT NULL
    ON CONFLICT (scope, entity, source_id) DO UPDATE SET target_id = excluded.target_id, merged = excluded.merged,
      hash = excluded.hash, run_id = excluded.run_id, updated_at = excluded.updated_at WHERE i.run_id = v_run;
    -- Records merged into one that is undone, of which no change tells: with a row that was made by the run they go; with
    -- an older one they may be older too, and stay with the run that had it before.
    DELETE FROM drover.identities i USING drover_undo u
    WHERE u.state IN ('done', 'gone') AND u.operation <> 'alias' AND u.identity_before IS NULL
      AND i.scope = v_scope AND i.entity = u.entity AND i.target_id = u.target_id::text AND i.merged AND i.run_id = v_run
      AND NOT EXISTS (SELECT 1 FROM drover_undo a WHERE a.entity = i.entity AND a.source_id = i.source_id);
    UPDATE drover.identities i SET run_id = u.identity_before ->> 'run_id' FROM drover_undo u
    WHERE u.state IN ('done', 'gone') AND u.operation <> 'alias' AND u.identity_before IS NOT NULL
      AND i.scope = v_scope AND i.entity = u.entity AND i.target_id = u.target_id::text AND i.merged AND i.run_id = v_run
      AND NOT EXISTS (SELECT 1 FROM drover_undo a WHERE a.entity = i.entity AND a.source_id = i.source_id);
  END IF;
  IF to_regclass('drover.changes') IS NOT NULL THEN
    DELETE FROM drover.changes c USING drover_undo u WHERE c.id = u.change_id AND u.state IN ('done', 'gone');
  END IF;
END $undo$`;
