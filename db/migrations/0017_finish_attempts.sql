ALTER TABLE "drover"."runs" ADD COLUMN "finish_attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."runs" ADD COLUMN "finish_error" text;--> statement-breakpoint
ALTER TABLE "drover"."runs" ADD COLUMN "finish_failed_at" timestamp with time zone;