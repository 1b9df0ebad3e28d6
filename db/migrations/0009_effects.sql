CREATE TABLE "drover"."before_images" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "drover"."before_images_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" text NOT NULL,
	"entity" text NOT NULL,
	"source_id" text NOT NULL,
	"kind" text NOT NULL,
	"object_id" text NOT NULL,
	"operation" text NOT NULL,
	"before" jsonb,
	"hash" text NOT NULL,
	"after" jsonb NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"undone_at" timestamp with time zone,
	CONSTRAINT "before_images_run_id_entity_source_id_kind_object_id_pk" PRIMARY KEY("run_id","entity","source_id","kind","object_id")
);
--> statement-breakpoint
CREATE TABLE "drover"."intents" (
	"run_id" text NOT NULL,
	"entity" text NOT NULL,
	"source_id" text NOT NULL,
	"step" text NOT NULL,
	"fingerprint" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"idempotency_key" text NOT NULL,
	"state" text NOT NULL,
	"attempts" integer DEFAULT 1 NOT NULL,
	"object_kind" text NOT NULL,
	"object_id" text,
	"code" text,
	"worker" text NOT NULL,
	"first_sent_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sent_at" timestamp with time zone DEFAULT now() NOT NULL,
	"answered_at" timestamp with time zone,
	CONSTRAINT "intents_run_id_entity_source_id_step_fingerprint_pk" PRIMARY KEY("run_id","entity","source_id","step","fingerprint")
);
--> statement-breakpoint
CREATE INDEX "before_images_of_run" ON "drover"."before_images" USING btree ("run_id","id");