import { imageColumnSql, writableColumnSql } from './image-column.ts';

/**
 * Gives the changed rows of a table their old content; answers how many. As a set, and where that is refused (a unique
 * value is still taken, a trigger objects) one by one, newest change first.
 */
export const restoreFunctionSql = `CREATE FUNCTION pg_temp.drover_restore(v_table text) RETURNS bigint LANGUAGE plpgsql AS $undo$
DECLARE
  v_name text := format('%I.%I', current_setting('drover.undo_schema'), v_table);
  v_set text;
  v_statement text;
  v_change bigint;
  v_done bigint := 0;
BEGIN
  -- Only columns that differ from their image: an image cannot tell a JSON null from no value.
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
