CREATE SCHEMA IF NOT EXISTS "drover";
--> statement-breakpoint
CREATE TABLE "drover"."audit" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "drover"."audit_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"role" text NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"reason" text,
	"details" jsonb NOT NULL,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."fleet" (
	"key" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."idempotency" (
	"actor" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" integer,
	"body" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_actor_key_pk" PRIMARY KEY("actor","key")
);
--> statement-breakpoint
CREATE TABLE "drover"."keys" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"role" text NOT NULL,
	"secret_hash" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"last_used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "drover"."limits" (
	"upstream" text PRIMARY KEY NOT NULL,
	"max_rps" integer NOT NULL,
	"reason" text NOT NULL,
	"updated_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."queue_pauses" (
	"queue" text PRIMARY KEY NOT NULL,
	"reason" text NOT NULL,
	"paused_by" text NOT NULL,
	"paused_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."workers" (
	"id" text PRIMARY KEY NOT NULL,
	"host" text NOT NULL,
	"pid" integer NOT NULL,
	"queues" text[] NOT NULL,
	"concurrency" integer NOT NULL,
	"rss_mb" integer NOT NULL,
	"loop_lag_ms" integer NOT NULL,
	"done" bigint NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."cleans" (
	"record_id" bigint PRIMARY KEY NOT NULL,
	"clean" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."counts" (
	"run_id" text NOT NULL,
	"entity" text NOT NULL,
	"stage" text NOT NULL,
	"status" text NOT NULL,
	"slot" integer NOT NULL,
	"n" bigint NOT NULL,
	CONSTRAINT "counts_run_id_entity_stage_status_slot_pk" PRIMARY KEY("run_id","entity","stage","status","slot")
);
--> statement-breakpoint
CREATE TABLE "drover"."payloads" (
	"record_id" bigint PRIMARY KEY NOT NULL,
	"raw" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."records" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "drover"."records_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" text NOT NULL,
	"entity" text NOT NULL,
	"source_id" text NOT NULL,
	"stage" text NOT NULL,
	"status" text NOT NULL,
	"code" text,
	"field" text,
	"message" text,
	"target_id" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"dispatched_at" timestamp with time zone,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"lease_until" timestamp with time zone,
	"lease_token" text,
	"merge_key" text,
	"merge_rank" text,
	"merged_into" bigint,
	"blocked_by" bigint,
	"amount" bigint,
	"currency" text,
	"amount_status" text,
	"hash" text,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."reports" (
	"run_id" text NOT NULL,
	"name" text NOT NULL,
	"media_type" text NOT NULL,
	"content" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "reports_run_id_name_pk" PRIMARY KEY("run_id","name")
);
--> statement-breakpoint
CREATE TABLE "drover"."run_entities" (
	"run_id" text NOT NULL,
	"entity" text NOT NULL,
	"position" integer NOT NULL,
	"status" text NOT NULL,
	"cursor" jsonb,
	"pages" integer DEFAULT 0 NOT NULL,
	"rescans" integer DEFAULT 0 NOT NULL,
	"repeated" integer DEFAULT 0 NOT NULL,
	"source_total" integer,
	"watermark" text,
	"epoch" integer DEFAULT 0 NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"dispatched_at" timestamp with time zone,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"merged_at" timestamp with time zone,
	"load_open" boolean DEFAULT false NOT NULL,
	"error_code" text,
	"error_message" text,
	CONSTRAINT "run_entities_run_id_entity_pk" PRIMARY KEY("run_id","entity")
);
--> statement-breakpoint
CREATE TABLE "drover"."runs" (
	"id" text PRIMARY KEY NOT NULL,
	"plan" text NOT NULL,
	"version" text NOT NULL,
	"strategy" text NOT NULL,
	"dry_run" boolean NOT NULL,
	"status" text NOT NULL,
	"reason" text,
	"target_schema" text NOT NULL,
	"batch_size" integer NOT NULL,
	"max_failure_percent" integer NOT NULL,
	"skip_existing" boolean NOT NULL,
	"export_only" boolean NOT NULL,
	"scope" jsonb NOT NULL,
	"params" jsonb NOT NULL,
	"stamp" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"status_at" timestamp with time zone DEFAULT now() NOT NULL,
	"rolled_back_at" timestamp with time zone,
	"finishing_by" text,
	"finishing_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "drover"."samples" (
	"run_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"done" bigint NOT NULL,
	"total" bigint NOT NULL,
	CONSTRAINT "samples_run_id_at_pk" PRIMARY KEY("run_id","at")
);
--> statement-breakpoint
CREATE TABLE "drover"."tries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "drover"."tries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"record_id" bigint NOT NULL,
	"run_id" text NOT NULL,
	"entity" text NOT NULL,
	"stage" text NOT NULL,
	"epoch" integer NOT NULL,
	"status" text NOT NULL,
	"code" text NOT NULL,
	"field" text,
	"message" text NOT NULL,
	"worker" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."validations" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "drover"."validations_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"data_version" text NOT NULL,
	"status" text NOT NULL,
	"checks" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."watermarks" (
	"plan" text NOT NULL,
	"target_schema" text NOT NULL,
	"entity" text NOT NULL,
	"watermark" text NOT NULL,
	"run_id" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "watermarks_plan_target_schema_entity_pk" PRIMARY KEY("plan","target_schema","entity")
);
--> statement-breakpoint
CREATE TABLE "drover"."changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "drover"."changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" text NOT NULL,
	"scope" text NOT NULL,
	"entity" text NOT NULL,
	"source_id" text NOT NULL,
	"table_name" text NOT NULL,
	"target_id" text NOT NULL,
	"operation" text NOT NULL,
	"before" jsonb,
	"identity_before" jsonb,
	"at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drover"."identities" (
	"scope" text NOT NULL,
	"entity" text NOT NULL,
	"source_id" text NOT NULL,
	"target_id" text NOT NULL,
	"merged" boolean DEFAULT false NOT NULL,
	"hash" text NOT NULL,
	"run_id" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "identities_scope_entity_source_id_pk" PRIMARY KEY("scope","entity","source_id")
);
--> statement-breakpoint
CREATE INDEX "audit_subject" ON "drover"."audit" USING btree ("subject","id");--> statement-breakpoint
CREATE UNIQUE INDEX "records_identity" ON "drover"."records" USING btree ("run_id","entity","source_id");--> statement-breakpoint
CREATE INDEX "runs_status" ON "drover"."runs" USING btree ("status");--> statement-breakpoint
CREATE INDEX "runs_created" ON "drover"."runs" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "tries_record" ON "drover"."tries" USING btree ("record_id");--> statement-breakpoint
CREATE INDEX "tries_run" ON "drover"."tries" USING btree ("run_id","id");--> statement-breakpoint
CREATE INDEX "validations_run" ON "drover"."validations" USING btree ("run_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "changes_once" ON "drover"."changes" USING btree ("run_id","entity","source_id");--> statement-breakpoint
CREATE INDEX "identities_target" ON "drover"."identities" USING btree ("scope","entity","target_id");