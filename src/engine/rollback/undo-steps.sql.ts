/**
 * Refuses to undo a run while an incremental run stands on it, and deletes all watermarks of (plan, schema) in the
 * transaction of the undo, so that the next incremental run reads everything again. See scheduler/watermarks.sql.ts.
 */
const dropWatermarksSql = `DO $undo$
DECLARE
  v_run text := current_setting('drover.undo_run');
  v_scope text := current_setting('drover.undo_scope');
  v_dependent text;
BEGIN
  IF to_regclass('drover.watermarks') IS NULL THEN RETURN; END IF;
  LOCK TABLE drover.watermarks IN SHARE ROW EXCLUSIVE MODE;
  SELECT n.run_id INTO v_dependent FROM drover.watermarks n
  WHERE n.plan || '/' || n.target_schema = v_scope AND n.run_id <> v_run AND n.since IS NOT NULL
    AND n.begun_at > (SELECT min(o.begun_at) FROM drover.watermarks o WHERE o.run_id = v_run)
  ORDER BY n.begun_at DESC LIMIT 1;
  IF v_dependent IS NOT NULL THEN
    RAISE EXCEPTION 'incremental run % read only what changed since run %: roll that one back first', v_dependent, v_run;
  END IF;
  DELETE FROM drover.watermarks WHERE plan || '/' || target_schema = v_scope;
END $undo$`;

/**
 * Decides which of the listed changes can be undone. After it every row of drover_undo is `open`, `gone` or a `conflict`,
 * and the rows to be changed are locked, so that the decision stays true.
 */
const classifyChangesSql = `DO $undo$
DECLARE
  v_run text := current_setting('drover.undo_run');
  v_schema text := current_setting('drover.undo_schema');
  v_table text;
  v_name text;
BEGIN
  CREATE INDEX ON drover_undo (table_name, target_id);
  ANALYZE drover_undo;
  -- Two records in one row: the content before the first change is the content before the run. But what another entity
  -- wrote into a row this run inserted is undone before the row is removed: it may point at a row that points back.
  UPDATE drover_undo u SET operation = 'alias' FROM drover_undo f
  WHERE f.table_name = u.table_name AND f.target_id = u.target_id AND f.operation <> 'alias' AND u.operation <> 'alias'
    AND f.change_id < u.change_id
    AND NOT (f.operation = 'insert' AND u.operation = 'update' AND f.entity <> u.entity);
  UPDATE drover_undo SET state = CASE operation WHEN 'insert' THEN 'gone' ELSE 'conflict' END, detail = 'the table does not exist any more'
  WHERE operation <> 'alias' AND to_regclass(format('%I.%I', v_schema, table_name)) IS NULL;

  FOR v_table IN SELECT table_name FROM drover_undo WHERE operation <> 'alias' AND state = 'open'
    GROUP BY table_name ORDER BY max(place) LOOP
    v_name := format('%I.%I', v_schema, v_table);
    EXECUTE 'ANALYZE ' || v_name;
    EXECUTE format('SELECT 1 FROM %s t JOIN drover_undo u ON u.target_id = t.id AND u.table_name = %L
      ORDER BY t.id FOR UPDATE OF t', v_name, v_table);
    EXECUTE format($q$UPDATE drover_undo u SET detail = 'the row does not exist any more',
        state = CASE operation WHEN 'insert' THEN 'gone' ELSE 'conflict' END
      WHERE u.table_name = %L AND u.operation NOT IN ('alias', 'remove') AND u.state = 'open'
        AND NOT EXISTS (SELECT 1 FROM %s t WHERE t.id = u.target_id)$q$, v_table, v_name);
    EXECUTE format($q$UPDATE drover_undo u SET detail = 'the row exists again', state = 'gone'
      WHERE u.table_name = %L AND u.operation = 'remove' AND u.state = 'open'
        AND EXISTS (SELECT 1 FROM %s t WHERE t.id = u.target_id)$q$, v_table, v_name);
    -- A changed row that has its old content again is no conflict: it was undone by hand.
    EXECUTE format($q$UPDATE drover_undo u SET state = 'conflict', detail = coalesce(u.detail, 'changed since by someone else')
      FROM %s t WHERE t.id = u.target_id AND u.table_name = %L AND u.operation NOT IN ('alias', 'remove') AND u.state = 'open'
        AND (u.print IS NULL OR md5(to_jsonb(t)::text) <> u.print)
        AND (u.operation = 'insert' OR to_jsonb(t)::text <> to_jsonb(jsonb_populate_record(t, u.before))::text)$q$,
      v_name, v_table);
  END LOOP;

  IF to_regclass('drover.changes') IS NOT NULL THEN
    ANALYZE drover.changes, drover.identities;
    -- Read after the locks: a change that is not stored any more was undone before, perhaps just now.
    DELETE FROM drover_undo u
    WHERE NOT EXISTS (SELECT 1 FROM drover.changes c WHERE c.id = u.change_id AND c.run_id = v_run);
    UPDATE drover_undo u SET state = 'conflict',
      detail = 'run ' || l.run_id || ' has written it since: roll that one back first'
    FROM drover.changes l
    -- Also where the row was found changed above: the newer run is the cause.
    WHERE u.operation <> 'alias' AND l.table_name = u.table_name
      AND (u.state = 'open' OR u.state = 'conflict' AND u.detail = 'changed since by someone else')
      AND l.target_id = u.target_id::text AND l.id > u.change_id AND l.run_id <> v_run
      AND substr(l.scope, strpos(l.scope, '/') + 1) = v_schema;
  END IF;
END $undo$`;

/**
 * Duplicates that the run's repair removed come back first: they belong to other clients, and the rows they point at must
 * stay. Old content next, because a changed row may point at one that is to be removed; then removals, children before
 * parents. Repeated as long as a round changes something: a unique value may be free now. The rest are conflicts.
 */
const undoRoundsSql = `DO $undo$
DECLARE
  v_table text;
  v_moved bigint;
BEGIN
  LOOP
    v_moved := 0;
    FOR v_table IN SELECT table_name FROM drover_undo WHERE operation = 'remove' AND state = 'open'
      GROUP BY table_name ORDER BY max(place) LOOP
      v_moved := v_moved + pg_temp.drover_put_back(v_table);
    END LOOP;
    FOR v_table IN SELECT table_name FROM drover_undo WHERE operation = 'update' AND state = 'open'
      GROUP BY table_name ORDER BY max(place) LOOP
      v_moved := v_moved + pg_temp.drover_restore(v_table);
    END LOOP;
    PERFORM pg_temp.drover_block();
    FOR v_table IN SELECT table_name FROM drover_undo WHERE operation = 'insert' AND state = 'open' AND blocked IS NULL
      GROUP BY table_name ORDER BY max(place) DESC LOOP
      v_moved := v_moved + pg_temp.drover_remove(v_table);
    END LOOP;
    EXIT WHEN v_moved = 0;
  END LOOP;
  UPDATE drover_undo SET state = 'conflict', detail = coalesce(blocked, detail, 'could not be undone')
  WHERE state = 'open' AND operation <> 'alias';
END $undo$`;

/**
 * The writable columns of a table, `a` of pg_attribute, and the value of each from an image `b`. An image cannot distinguish
 * a JSON null from SQL NULL: in a NOT NULL column it was the former.
 */
const writableColumnSql = "a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''";
const imageColumnSql = `CASE WHEN a.attnotnull AND a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
        THEN format($q$coalesce(b.%I, 'null')$q$, a.attname) ELSE format('b.%I', a.attname) END`;

/** Inserts the removed duplicates of a table again; returns how many. One by one, because they are few. */
const reinsertFunctionSql = `CREATE FUNCTION pg_temp.drover_put_back(v_table text) RETURNS bigint LANGUAGE plpgsql AS $undo$
DECLARE
  v_name text := format('%I.%I', current_setting('drover.undo_schema'), v_table);
  v_columns text;
  v_values text;
  v_change bigint;
  v_done bigint := 0;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
      string_agg(${imageColumnSql}, ', ' ORDER BY a.attnum)
    INTO v_columns, v_values FROM pg_attribute a
    WHERE a.attrelid = v_name::regclass AND ${writableColumnSql};
  FOR v_change IN SELECT change_id FROM drover_undo
    WHERE table_name = v_table AND operation = 'remove' AND state = 'open' ORDER BY change_id LOOP
    BEGIN
      EXECUTE format($q$INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s
        FROM drover_undo u CROSS JOIN LATERAL jsonb_populate_record(NULL::%1$s, u.before) b WHERE u.change_id = $1$q$,
        v_name, v_columns, v_values) USING v_change;
      UPDATE drover_undo SET state = 'done' WHERE change_id = v_change;
      v_done := v_done + 1;
    EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
      UPDATE drover_undo SET detail = SQLERRM WHERE change_id = v_change;
    END;
  END LOOP;
  RETURN v_done;
END $undo$`;

/**
 * Gives the changed rows of a table their old content; returns how many. As a set; where that is refused (a unique value is
 * still taken, a trigger raises) one by one, newest change first.
 */
const restoreFunctionSql = `CREATE FUNCTION pg_temp.drover_restore(v_table text) RETURNS bigint LANGUAGE plpgsql AS $undo$
DECLARE
  v_name text := format('%I.%I', current_setting('drover.undo_schema'), v_table);
  v_set text;
  v_statement text;
  v_change bigint;
  v_done bigint := 0;
BEGIN
  -- Only columns that differ from their image: an image cannot distinguish a JSON null from SQL NULL.
  SELECT string_agg(format($q$%1$I = CASE WHEN u.before ? %1$L
      AND coalesce(to_jsonb(t.%1$I), 'null')::text <> (u.before -> %1$L)::text THEN %2$s ELSE t.%1$I END$q$, a.attname,
      ${imageColumnSql}), ', ')
    INTO v_set FROM pg_attribute a
    WHERE a.attrelid = v_name::regclass AND ${writableColumnSql}
      AND a.attidentity <> 'a' AND a.attname <> 'id';
  v_statement := format($q$UPDATE %1$s t SET %2$s
    FROM drover_undo u CROSS JOIN LATERAL jsonb_populate_record(NULL::%1$s, u.before) b
    WHERE t.id = u.target_id AND u.table_name = %3$L AND u.operation = 'update' AND u.state = 'open'$q$,
    v_name, coalesce(v_set, 'id = t.id'), v_table);
  BEGIN
    EXECUTE v_statement;
    UPDATE drover_undo SET state = 'done' WHERE table_name = v_table AND operation = 'update' AND state = 'open';
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN v_done;
  EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
    v_done := 0;
  END;
  FOR v_change IN SELECT change_id FROM drover_undo
    WHERE table_name = v_table AND operation = 'update' AND state = 'open' ORDER BY change_id DESC LOOP
    BEGIN
      EXECUTE v_statement || ' AND u.change_id = $1' USING v_change;
      UPDATE drover_undo SET state = 'done' WHERE change_id = v_change;
      v_done := v_done + 1;
    EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
      UPDATE drover_undo SET detail = SQLERRM WHERE change_id = v_change;
    END;
  END LOOP;
  RETURN v_done;
END $undo$`;

/**
 * Marks each row to be removed that a remaining row points at, by any foreign key of any table. Done before anything is
 * removed, because ON DELETE CASCADE and SET NULL would delete or change rows of other clients. A row that remains may
 * block others in turn, so this repeats until nothing changes.
 */
const blockFunctionSql = `CREATE FUNCTION pg_temp.drover_block() RETURNS void LANGUAGE plpgsql AS $undo$
DECLARE
  v_schema text := current_setting('drover.undo_schema');
  v_key record;
  v_hit bigint;
  v_hits bigint;
BEGIN
  UPDATE drover_undo SET blocked = NULL WHERE blocked IS NOT NULL AND state = 'open';
  LOOP
    v_hits := 0;
    FOR v_key IN
      SELECT con.conname, con.conrelid::regclass::text AS child, p.relname AS parent,
        -- A child that is removed as well does not block its parent.
        CASE WHEN cn.nspname = v_schema AND EXISTS (SELECT 1 FROM drover_undo WHERE table_name = c.relname)
          THEN format($q$AND NOT EXISTS (SELECT 1 FROM drover_undo d WHERE d.table_name = %L AND d.target_id = c.id
            AND d.operation = 'insert' AND d.state = 'open' AND d.blocked IS NULL)$q$, c.relname) ELSE '' END AS but,
        (SELECT string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' AND ')
          FROM unnest(con.conkey, con.confkey) AS k(child, parent)
          JOIN pg_attribute ca ON ca.attrelid = con.conrelid AND ca.attnum = k.child
          JOIN pg_attribute pa ON pa.attrelid = con.confrelid AND pa.attnum = k.parent) AS matches
      FROM pg_constraint con
      JOIN pg_class p ON p.oid = con.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
      JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
      WHERE con.contype = 'f' AND con.conparentid = 0 AND pn.nspname = v_schema
        -- Rows that a trigger of the plan's own makes of the row go with it; see Plan.furtherTables.
        AND NOT (con.confdeltype IN ('c', 'n') AND coalesce(obj_description(con.conrelid, 'pg_class'), '') = 'drover: follows its parent')
        AND EXISTS (SELECT 1 FROM drover_undo WHERE table_name = p.relname AND operation = 'insert' AND state = 'open')
    LOOP
      EXECUTE format($q$UPDATE drover_undo u SET blocked = %L FROM %I.%I p, %s c
        WHERE u.table_name = %L AND u.operation = 'insert' AND u.state = 'open' AND u.blocked IS NULL
          AND p.id = u.target_id AND %s %s$q$,
        format('a row of %s points at it (%s)', v_key.child, v_key.conname),
        v_schema, v_key.parent, v_key.child, v_key.parent, v_key.matches, v_key.but);
      GET DIAGNOSTICS v_hit = ROW_COUNT;
      v_hits := v_hits + v_hit;
    END LOOP;
    EXIT WHEN v_hits = 0;
  END LOOP;
END $undo$`;

/** Removes the unblocked rows of a table; returns how many. As a set, and one by one where that is refused. */
const removeFunctionSql = `CREATE FUNCTION pg_temp.drover_remove(v_table text) RETURNS bigint LANGUAGE plpgsql AS $undo$
DECLARE
  v_name text := format('%I.%I', current_setting('drover.undo_schema'), v_table);
  v_statement text := format($q$DELETE FROM %s t USING drover_undo u WHERE t.id = u.target_id AND u.table_name = %L
    AND u.operation = 'insert' AND u.state = 'open' AND u.blocked IS NULL$q$, v_name, v_table);
  v_change bigint;
  v_done bigint;
BEGIN
  BEGIN
    EXECUTE v_statement;
  EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
    FOR v_change IN SELECT change_id FROM drover_undo WHERE table_name = v_table AND operation = 'insert'
      AND state = 'open' AND blocked IS NULL ORDER BY change_id DESC LOOP
      BEGIN
        EXECUTE v_statement || ' AND u.change_id = $1' USING v_change;
      EXCEPTION WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
        UPDATE drover_undo SET detail = SQLERRM WHERE change_id = v_change;
      END;
    END LOOP;
  END;
  -- A trigger may keep a row without an error; only rows that do not exist any more are done.
  EXECUTE format($q$UPDATE drover_undo u SET state = 'done' WHERE u.table_name = %L AND u.operation = 'insert'
    AND u.state = 'open' AND u.blocked IS NULL AND NOT EXISTS (SELECT 1 FROM %s t WHERE t.id = u.target_id)$q$,
    v_table, v_name);
  GET DIAGNOSTICS v_done = ROW_COUNT;
  RETURN v_done;
END $undo$`;

/**
 * Identities get their old content, and the undone changes are deleted, so that a second rollback finds nothing to do.
 * Conflicts keep both and can be undone later.
 */
const restoreIdentitiesSql = `DO $undo$
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
      hash = excluded.hash, run_id = excluded.run_id, updated_at = excluded.updated_at, kept = excluded.kept,
      rights = excluded.rights WHERE i.run_id = v_run;
    -- Records merged into one that is undone, without a change of their own: they go with a row that the run inserted; with
    -- an older row they may be older too, and return to the run that had the row before.
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

/** The statements that undo the changes in drover_undo: the same in the script and in `undo`, so tests of one hold for both. */
export const undoSteps: readonly string[] = [
  dropWatermarksSql,
  classifyChangesSql,
  reinsertFunctionSql,
  restoreFunctionSql,
  blockFunctionSql,
  removeFunctionSql,
  undoRoundsSql,
  restoreIdentitiesSql,
  'DROP FUNCTION pg_temp.drover_put_back(text), pg_temp.drover_restore(text), pg_temp.drover_block(), pg_temp.drover_remove(text)',
];

/** The result, for the end of the script. */
export const outcomeSql = `SELECT table_name, CASE WHEN state = 'done' AND operation = 'insert' THEN 'removed'
    WHEN state = 'done' THEN 'restored' WHEN state = 'gone' AND operation = 'remove' THEN 'existed again'
    WHEN state = 'gone' THEN 'was removed already' ELSE 'not undone' END AS outcome, count(*) AS rows
FROM drover_undo WHERE operation <> 'alias' GROUP BY 1, 2 ORDER BY 1, 2`;

/** Every row that was not undone, and why. */
export const conflictsSql = `SELECT entity, target_id::text AS target_id, detail FROM drover_undo
WHERE state = 'conflict' ORDER BY place, entity, source_id`;
