/**
 * Says of each row to be removed whether a row that stays points at it, by any foreign key of any table. Asked before
 * anything is removed, because ON DELETE CASCADE and SET NULL would take or change rows that are not ours. A row that
 * stays may hold others in turn, so it is asked until no answer changes.
 */
export const blockFunctionSql = `CREATE FUNCTION pg_temp.drover_block() RETURNS void LANGUAGE plpgsql AS $undo$
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
        -- A child of ours does not hold its parent when it is to be removed as well.
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

/** Removes the rows of a table that nothing holds; answers how many. As a set, and one by one where that is refused. */
export const removeFunctionSql = `CREATE FUNCTION pg_temp.drover_remove(v_table text) RETURNS bigint LANGUAGE plpgsql AS $undo$
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
  -- A trigger may keep a row without a word; only what is not there any more is done.
  EXECUTE format($q$UPDATE drover_undo u SET state = 'done' WHERE u.table_name = %L AND u.operation = 'insert'
    AND u.state = 'open' AND u.blocked IS NULL AND NOT EXISTS (SELECT 1 FROM %s t WHERE t.id = u.target_id)$q$,
    v_table, v_name);
  GET DIAGNOSTICS v_done = ROW_COUNT;
  RETURN v_done;
END $undo$`;
