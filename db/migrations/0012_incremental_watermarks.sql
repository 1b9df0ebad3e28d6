-- Watermarks before this migration name neither their source nor the run's window: the next incremental run reads everything.
DELETE FROM "drover"."watermarks";--> statement-breakpoint
ALTER TABLE "drover"."watermarks" DROP CONSTRAINT "watermarks_plan_target_schema_entity_pk";--> statement-breakpoint
ALTER TABLE "drover"."watermarks" ALTER COLUMN "watermark" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."watermarks" ADD COLUMN "fingerprint" text NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."watermarks" ADD COLUMN "since" text;--> statement-breakpoint
ALTER TABLE "drover"."watermarks" ADD COLUMN "begun_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."watermarks" ADD CONSTRAINT "watermarks_plan_target_schema_entity_fingerprint_run_id_pk" PRIMARY KEY("plan","target_schema","entity","fingerprint","run_id");
