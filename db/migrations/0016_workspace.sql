CREATE TABLE "drover"."workspace_rows" (
	"run_id" text NOT NULL,
	"group_name" text COLLATE "C" NOT NULL,
	"row_name" text COLLATE "C" NOT NULL,
	"value" jsonb NOT NULL,
	"lowest" text NOT NULL,
	"highest" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workspace_rows_run_id_group_name_row_name_pk" PRIMARY KEY("run_id","group_name","row_name")
);
