/**
 * Rows that were removed for being there twice come back first: they are somebody else's, and what they point at stays for
 * them. Old content next, because a changed row may point at one that is to be removed; then removals, children before
 * parents. Again for as long as anything moves: what a unique value kept from its old content may get it now. What is
 * left over is a conflict.
 */
export const undoRoundsSql = `DO $undo$
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
