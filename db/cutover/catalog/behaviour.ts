/** Triggers, policies, rules and extended statistics of tables ($1: their oids). */
export const triggersSql = `
SELECT t.tgrelid::text AS of, t.tgname AS name, pg_get_triggerdef(t.oid) AS definition, t.tgenabled::text AS enabled,
  obj_description(t.oid, 'pg_trigger') AS comment,
  coalesce(t.tgfoid IN (to_regprocedure('drover.capture_change()'), to_regprocedure('drover.capture_truncate()')), false) AS capture
FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid = ANY ($1::oid[]) ORDER BY t.tgrelid, t.tgname`;

export const policiesSql = `
SELECT p.polrelid::text AS of, p.polname AS name, p.polpermissive AS permissive,
  CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
  (SELECT jsonb_agg(CASE WHEN r = 0 THEN '' ELSE pg_get_userbyid(r) END ORDER BY r) FROM unnest(p.polroles) r) AS roles,
  pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check,
  obj_description(p.oid, 'pg_policy') AS comment
FROM pg_policy p WHERE p.polrelid = ANY ($1::oid[]) ORDER BY p.polrelid, p.polname`;

export const rulesSql = `
SELECT r.ev_class::text AS of, r.rulename AS name, pg_get_ruledef(r.oid) AS definition, r.ev_enabled::text AS enabled,
  obj_description(r.oid, 'pg_rewrite') AS comment
FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.ev_class = ANY ($1::oid[]) ORDER BY r.ev_class, r.rulename`;

// Up to the FROM that names the table, after the name of the statistics: both of known length.
export const statisticsSql = `
SELECT s.stxrelid::text AS of, s.oid::text, n.nspname AS schema, s.stxname AS name, coalesce(s.stxstattarget, -1) AS target,
  substr(x.text, length(format('CREATE STATISTICS %I.%I ', n.nspname, s.stxname)) + 1,
    length(x.text) - length(format('CREATE STATISTICS %I.%I ', n.nspname, s.stxname))
    - length(format(' FROM %I.%I', tn.nspname, tc.relname))) AS body,
  obj_description(s.oid, 'pg_statistic_ext') AS comment
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace JOIN pg_class tc ON tc.oid = s.stxrelid
JOIN pg_namespace tn ON tn.oid = tc.relnamespace, LATERAL (SELECT pg_get_statisticsobjdef(s.oid) AS text) x
WHERE s.stxrelid = ANY ($1::oid[]) ORDER BY s.stxrelid, s.stxname`;
