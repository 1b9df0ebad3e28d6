CREATE SEQUENCE "drover"."inbox_looks" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "drover"."inbox" (
	"provider" text NOT NULL,
	"event_id" text NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "drover"."inbox_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"type" text NOT NULL,
	"object_id" text,
	"account" text,
	"livemode" boolean NOT NULL,
	"payload" json,
	"state" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"code" text,
	"message" text,
	"effect" text,
	"happened_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone,
	"settled_at" timestamp with time zone,
	"lease_token" text,
	"lease_until" timestamp with time zone,
	CONSTRAINT "inbox_provider_event_id_pk" PRIMARY KEY("provider","event_id")
);
--> statement-breakpoint
CREATE TABLE "drover"."observations" (
	"provider" text NOT NULL,
	"kind" text NOT NULL,
	"object_id" text NOT NULL,
	"plan" text NOT NULL,
	"entity" text NOT NULL,
	"target_schema" text NOT NULL,
	"source_id" text NOT NULL,
	"target_id" text NOT NULL,
	"state" jsonb,
	"differs" text[] NOT NULL,
	"look" bigint NOT NULL,
	"events" integer NOT NULL,
	"observed_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "observations_provider_kind_object_id_pk" PRIMARY KEY("provider","kind","object_id")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "inbox_seq" ON "drover"."inbox" USING btree ("seq");--> statement-breakpoint
CREATE INDEX "inbox_due" ON "drover"."inbox" USING btree ("due_at") WHERE due_at IS NOT NULL;