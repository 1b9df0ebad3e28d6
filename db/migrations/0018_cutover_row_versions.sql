ALTER TABLE "drover"."cutover_changes" ADD COLUMN "transaction_id" bigint;--> statement-breakpoint
ALTER TABLE "drover"."cutover_changes" ADD COLUMN "old_at" text;--> statement-breakpoint
ALTER TABLE "drover"."cutover_changes" ADD COLUMN "new_at" text;--> statement-breakpoint
ALTER TABLE "drover"."cutover_changes" ADD COLUMN "as_text" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "cutover_changes_of_transaction" ON "drover"."cutover_changes" USING btree ("transaction_id");--> statement-breakpoint
-- The arguments of the trigger are the stamp and the columns whose values JSON does not keep exactly: of a json document its
-- text, of an array its bounds, of a number its sign of zero. Of these the text is recorded. Where a row version stood before
-- and after is recorded too: what an AFTER trigger changes within the statement of its own row is recorded before that row.
CREATE OR REPLACE FUNCTION drover.capture_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET IntervalStyle = 'postgres' SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC'
  SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' SET xmlbinary = 'base64' AS $$
DECLARE was jsonb; made jsonb; was_at text; made_at text; columns text; file text := pg_relation_filenode(TG_RELID)::text;
BEGIN
  IF TG_NARGS > 1 THEN
    SELECT string_agg(format(CASE WHEN attname::text = ANY (TG_ARGV[1:]) THEN '%1$s.%2$I::text AS %2$I' ELSE '%1$s.%2$I AS %2$I' END, '($1)', attname), ', ' ORDER BY attnum)
      INTO columns FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
    columns := format('SELECT to_jsonb(r.*) FROM (SELECT %s) r', columns);
  END IF;
  IF TG_OP <> 'INSERT' THEN
    was_at := file || OLD.ctid::text;
    IF TG_NARGS > 1 THEN EXECUTE columns INTO was USING OLD; ELSE was := to_jsonb(OLD); END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    made_at := file || NEW.ctid::text;
    IF TG_NARGS > 1 THEN EXECUTE columns INTO made USING NEW; ELSE made := to_jsonb(NEW); END IF;
  END IF;
  INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation, old, new, transaction_id, old_at, new_at, as_text)
  VALUES (TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP, was, made, pg_current_xact_id()::text::bigint, was_at, made_at, TG_NARGS > 1);
  RETURN NULL;
END $$;--> statement-breakpoint
-- TRUNCATE passes no rows to triggers, but before it the rows are still there, and no other session can write: each is
-- recorded as a deleted row, with the rights of the function's owner. Where a policy hides rows even from that role, only
-- the TRUNCATE itself is recorded.
CREATE OR REPLACE FUNCTION drover.capture_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET IntervalStyle = 'postgres' SET DateStyle = 'ISO, YMD' SET TimeZone = 'UTC'
  SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' SET xmlbinary = 'base64' AS $$
DECLARE columns text;
BEGIN
  IF row_security_active(TG_RELID) THEN
    INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation, transaction_id)
    VALUES (TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME, 'TRUNCATE', pg_current_xact_id()::text::bigint);
  ELSE
    SELECT string_agg(format(CASE WHEN attname::text = ANY (TG_ARGV[1:]) THEN '%1$s.%2$I::text AS %2$I' ELSE '%1$s.%2$I AS %2$I' END, 't', attname), ', ' ORDER BY attnum)
      INTO columns FROM pg_attribute WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation, old, transaction_id, old_at, as_text)
      SELECT $1, $2, $3, ''TRUNCATE'', (SELECT to_jsonb(r.*) FROM (SELECT %s) r), pg_current_xact_id()::text::bigint,
        pg_relation_filenode($4)::text || t.ctid::text, $5 FROM ONLY %I.%I t', columns, TG_TABLE_SCHEMA, TG_TABLE_NAME)
      USING TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_RELID, TG_NARGS > 1;
  END IF;
  RETURN NULL;
END $$;
