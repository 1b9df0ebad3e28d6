ALTER TABLE "drover"."identities" ADD COLUMN "kept" text[];--> statement-breakpoint
ALTER TABLE "drover"."identities" ADD COLUMN "rights" jsonb;