CREATE TABLE "drover"."cutover_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "drover"."cutover_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"stamp" text NOT NULL,
	"schema_name" text NOT NULL,
	"table_name" text NOT NULL,
	"operation" text NOT NULL,
	"old" jsonb,
	"new" jsonb,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"carried_into" text[] DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."cutovers" (
	"stamp" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"active" text,
	"of_stamp" text,
	"spec" jsonb NOT NULL,
	"tables" jsonb NOT NULL,
	"reason" text NOT NULL,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"swapped_at" timestamp with time zone,
	"result" jsonb
);
--> statement-breakpoint
CREATE INDEX "cutover_changes_of_table" ON "drover"."cutover_changes" USING btree ("schema_name","table_name","id");--> statement-breakpoint
CREATE UNIQUE INDEX "cutovers_one_at_a_time" ON "drover"."cutovers" USING btree ("active") WHERE active is not null;--> statement-breakpoint
CREATE INDEX "cutovers_of_name" ON "drover"."cutovers" USING btree ("name","stamp");--> statement-breakpoint
-- Runs with the rights of its owner: who writes to a live table needs no right on the control tables. The path is
-- pinned, so nobody's search_path can put another table in the place of this one.
CREATE FUNCTION drover.capture_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation, old, new)
  VALUES (TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP,
          CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) END,
          CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN to_jsonb(NEW) END);
  RETURN NULL;
END $$;
