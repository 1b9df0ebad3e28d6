CREATE TABLE "drover"."run_traffic" (
	"run_id" text NOT NULL,
	"worker" text NOT NULL,
	"upstream" text NOT NULL,
	"requests" bigint NOT NULL,
	"failed" bigint NOT NULL,
	"sent_bytes" bigint NOT NULL,
	"received_bytes" bigint NOT NULL,
	CONSTRAINT "run_traffic_run_id_worker_upstream_pk" PRIMARY KEY("run_id","worker","upstream")
);
--> statement-breakpoint
CREATE TABLE "drover"."run_usage" (
	"run_id" text NOT NULL,
	"worker" text NOT NULL,
	"observed_ms" bigint NOT NULL,
	"cpu_ms" bigint NOT NULL,
	"peak_rss_mb" integer NOT NULL,
	CONSTRAINT "run_usage_run_id_worker_pk" PRIMARY KEY("run_id","worker")
);
--> statement-breakpoint
ALTER TABLE "drover"."workers" ADD COLUMN "peak_rss_mb" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."workers" ADD COLUMN "cpu_ms" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."workers" ADD COLUMN "cpu_percent" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "drover"."workers" ADD COLUMN "traffic" jsonb DEFAULT '{}'::jsonb NOT NULL;