CREATE TABLE "drover"."ended_sessions" (
	"id" text PRIMARY KEY NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "drover"."idempotency" ADD COLUMN "changed_at" timestamp with time zone;