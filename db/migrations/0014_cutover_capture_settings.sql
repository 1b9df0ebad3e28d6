-- Values are recorded as text. Without these settings a client's own decide how, and what is read back is another value:
-- an interval of -1 day -2:03:04 in the sql_standard style comes back as -1 day +2:03:04.
ALTER FUNCTION drover.capture_change() SET IntervalStyle = 'postgres';--> statement-breakpoint
ALTER FUNCTION drover.capture_change() SET DateStyle = 'ISO, YMD';--> statement-breakpoint
ALTER FUNCTION drover.capture_change() SET TimeZone = 'UTC';--> statement-breakpoint
ALTER FUNCTION drover.capture_change() SET extra_float_digits = 1;--> statement-breakpoint
ALTER FUNCTION drover.capture_change() SET bytea_output = 'hex';--> statement-breakpoint
ALTER FUNCTION drover.capture_change() SET lc_monetary = 'C';--> statement-breakpoint
ALTER FUNCTION drover.capture_change() SET xmlbinary = 'base64';--> statement-breakpoint
-- Made by the preparation of a cutover where it is missing, with the same settings.
DO $$ BEGIN
IF to_regprocedure('drover.capture_truncate()') IS NOT NULL THEN
  ALTER FUNCTION drover.capture_truncate() SET IntervalStyle = 'postgres';
  ALTER FUNCTION drover.capture_truncate() SET DateStyle = 'ISO, YMD';
  ALTER FUNCTION drover.capture_truncate() SET TimeZone = 'UTC';
  ALTER FUNCTION drover.capture_truncate() SET extra_float_digits = 1;
  ALTER FUNCTION drover.capture_truncate() SET bytea_output = 'hex';
  ALTER FUNCTION drover.capture_truncate() SET lc_monetary = 'C';
  ALTER FUNCTION drover.capture_truncate() SET xmlbinary = 'base64';
END IF; END $$;
