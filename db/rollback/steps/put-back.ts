import { imageColumnSql, writableColumnSql } from './image-column.ts';

/** Puts back the rows of a table that were removed for being there twice; answers how many. One by one: they are few. */
export const reinsertFunctionSql = `CREATE FUNCTION pg_temp.drover_put_back(v_table text) RETURNS bigint LANGUAGE plpgsql AS $undo$
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
