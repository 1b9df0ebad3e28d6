/**
 * Which of the listed changes can be undone at all. After it every row of drover_undo is `open`, `gone` or a `conflict`,
 * and the rows to be touched are locked: what is true of them here stays true.
 */
export const classifyChangesSql = `DO $undo$
DECLARE
  v_run text := current_setting('drover.undo_run');
  v_schema text := current_setting('drover.undo_schema');
  v_table text;
  v_name text;
BEGIN
  CREATE INDEX ON drover_undo (table_name, target_id);
  ANALYZE drover_undo;
  -- Two records in one row: what stood there before the first is what stood there before the run. But what another entity
  -- wrote into a row of this run is taken back before the row is removed: it may point at one that points at it.
  UPDATE drover_undo u SET operation = 'alias' FROM drover_undo f
  WHERE f.table_name = u.table_name AND f.target_id = u.target_id AND f.operation <> 'alias' AND u.operation <> 'alias'
    AND f.change_id < u.change_id
    AND NOT (f.operation = 'insert' AND u.operation = 'update' AND f.entity <> u.entity);
  UPDATE drover_undo SET state = CASE operation WHEN 'insert' THEN 'gone' ELSE 'conflict' END, detail = 'the table is gone'
  WHERE operation <> 'alias' AND to_regclass(format('%I.%I', v_schema, table_name)) IS NULL;

  FOR v_table IN SELECT table_name FROM drover_undo WHERE operation <> 'alias' AND state = 'open'
    GROUP BY table_name ORDER BY max(place) LOOP
    v_name := format('%I.%I', v_schema, v_table);
    EXECUTE 'ANALYZE ' || v_name;
    EXECUTE format('SELECT 1 FROM %s t JOIN drover_undo u ON u.target_id = t.id AND u.table_name = %L
      ORDER BY t.id FOR UPDATE OF t', v_name, v_table);
    EXECUTE format($q$UPDATE drover_undo u SET detail = 'the row is gone',
        state = CASE operation WHEN 'insert' THEN 'gone' ELSE 'conflict' END
      WHERE u.table_name = %L AND u.operation NOT IN ('alias', 'remove') AND u.state = 'open'
        AND NOT EXISTS (SELECT 1 FROM %s t WHERE t.id = u.target_id)$q$, v_table, v_name);
    EXECUTE format($q$UPDATE drover_undo u SET detail = 'the row is there again', state = 'gone'
      WHERE u.table_name = %L AND u.operation = 'remove' AND u.state = 'open'
        AND EXISTS (SELECT 1 FROM %s t WHERE t.id = u.target_id)$q$, v_table, v_name);
    -- A changed row that is again what it was before the run is no conflict: somebody has undone it by hand.
    EXECUTE format($q$UPDATE drover_undo u SET state = 'conflict', detail = coalesce(u.detail, 'changed since by someone else')
      FROM %s t WHERE t.id = u.target_id AND u.table_name = %L AND u.operation NOT IN ('alias', 'remove') AND u.state = 'open'
        AND (u.print IS NULL OR md5(to_jsonb(t)::text) <> u.print)
        AND (u.operation = 'insert' OR to_jsonb(t)::text <> to_jsonb(jsonb_populate_record(t, u.before))::text)$q$,
      v_name, v_table);
  END LOOP;

  IF to_regclass('drover.changes') IS NOT NULL THEN
    ANALYZE drover.changes, drover.identities;
    -- Asked after the locks: what is not among the changes any more was undone before, perhaps a moment ago.
    DELETE FROM drover_undo u
    WHERE NOT EXISTS (SELECT 1 FROM drover.changes c WHERE c.id = u.change_id AND c.run_id = v_run);
    UPDATE drover_undo u SET state = 'conflict',
      detail = 'run ' || l.run_id || ' has written it since: roll that one back first'
    FROM drover.changes l
    WHERE u.operation <> 'alias' AND u.state = 'open' AND l.table_name = u.table_name
      AND l.target_id = u.target_id::text AND l.id > u.change_id AND l.run_id <> v_run
      AND substr(l.scope, strpos(l.scope, '/') + 1) = v_schema;
  END IF;
END $undo$`;
