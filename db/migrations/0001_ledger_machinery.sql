-- What the schema generator cannot say: partial indexes named in queries, the counts trigger, the closed audit log.
CREATE INDEX records_due ON drover.records (run_id, entity, stage, due_at, id) WHERE status = 'pending' AND dispatched_at IS NULL;--> statement-breakpoint
CREATE INDEX records_dispatched ON drover.records (run_id, dispatched_at) WHERE status = 'pending' AND dispatched_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX records_trouble ON drover.records (run_id, entity, stage, code, field) WHERE status IN ('failed', 'rejected', 'blocked', 'mismatched');--> statement-breakpoint
CREATE INDEX records_blocked_by ON drover.records (blocked_by) WHERE status = 'blocked';--> statement-breakpoint
CREATE INDEX records_merged_into ON drover.records (merged_into) WHERE merged_into IS NOT NULL;--> statement-breakpoint
CREATE INDEX records_merge_key ON drover.records (run_id, entity, merge_key) WHERE merge_key IS NOT NULL;--> statement-breakpoint
-- Rows are rewritten three times; vacuum before the dead outnumber the living.
ALTER TABLE drover.records SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1);--> statement-breakpoint
ALTER TABLE drover.counts SET (fillfactor = 40);--> statement-breakpoint
CREATE FUNCTION drover.count_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO drover.counts AS c (run_id, entity, stage, status, slot, n)
  SELECT run_id, entity, stage, status, pg_backend_pid() % 32, count(*) FROM fresh
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (run_id, entity, stage, status, slot) DO UPDATE SET n = c.n + excluded.n;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE FUNCTION drover.count_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Sorted, so that two statements that meet in one slot take the rows in the same order and never deadlock.
  INSERT INTO drover.counts AS c (run_id, entity, stage, status, slot, n)
  SELECT run_id, entity, stage, status, pg_backend_pid() % 32, sum(d)
  FROM (SELECT run_id, entity, stage, status, 1 AS d FROM fresh
        UNION ALL SELECT run_id, entity, stage, status, -1 FROM stale) moved
  GROUP BY 1, 2, 3, 4 HAVING sum(d) <> 0 ORDER BY 1, 2, 3, 4
  ON CONFLICT (run_id, entity, stage, status, slot) DO UPDATE SET n = c.n + excluded.n;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE FUNCTION drover.count_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO drover.counts AS c (run_id, entity, stage, status, slot, n)
  SELECT run_id, entity, stage, status, pg_backend_pid() % 32, -count(*) FROM stale
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (run_id, entity, stage, status, slot) DO UPDATE SET n = c.n + excluded.n;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER records_counted_insert AFTER INSERT ON drover.records
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION drover.count_inserted();--> statement-breakpoint
CREATE TRIGGER records_counted_update AFTER UPDATE ON drover.records
  REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION drover.count_updated();--> statement-breakpoint
CREATE TRIGGER records_counted_delete AFTER DELETE ON drover.records
  REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION drover.count_deleted();--> statement-breakpoint
CREATE FUNCTION drover.audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END $$;--> statement-breakpoint
CREATE TRIGGER audit_closed BEFORE UPDATE OR DELETE OR TRUNCATE ON drover.audit
  FOR EACH STATEMENT EXECUTE FUNCTION drover.audit_is_append_only();
