DROP INDEX "drover"."identities_target";--> statement-breakpoint
CREATE INDEX "identities_target" ON "drover"."identities" USING btree ("target_id","scope","entity");