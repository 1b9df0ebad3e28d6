/** Grants of an access list as JSON, sorted; `fallback` stands in for an absent list. */
function grantsSql(list: string, fallback?: string): string {
  const acl = fallback === undefined ? list : `coalesce(${list}, ${fallback})`;
  return `coalesce((SELECT jsonb_agg(g ORDER BY g->>'grantee', g->>'privilege', g->>'grantor') FROM (
    SELECT DISTINCT jsonb_build_object('grantor', pg_get_userbyid(a.grantor), 'grantee', CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
      'privilege', a.privilege_type, 'grantable', bool_or(a.is_grantable)) AS g
    FROM aclexplode(${acl}) a GROUP BY a.grantor, a.grantee, a.privilege_type) t), '[]')`;
}

/** The type a column (`a`, of pg_attribute) has beneath its domains: SQL that gives its oid. */
export const baseTypeSql = `(WITH RECURSIVE base AS (SELECT a.atttypid AS oid
  UNION ALL SELECT y.typbasetype FROM base JOIN pg_type y ON y.oid = base.oid AND y.typtype = 'd')
  SELECT base.oid FROM base JOIN pg_type y ON y.oid = base.oid AND y.typtype <> 'd')`;

/**
 * True of a column (`a`, of pg_attribute) whose values to_jsonb does not keep exactly: json (its text), jsonb (its null), arrays
 * (their bounds), floating numbers (-0), and every type that is not PostgreSQL's own, which may have a cast to json. SQL.
 */
export const inexactSql = `NOT EXISTS (SELECT FROM pg_type y WHERE y.oid = ${baseTypeSql} AND (y.typtype = 'e'
  OR (y.typnamespace = 'pg_catalog'::regnamespace AND y.typtype IN ('b', 'r', 'm') AND y.typcategory <> 'A'
    AND y.oid <> ALL ('{json,jsonb,float4,float8}'::regtype[]))))`;

/** Tables by schema and name ($1, $2: arrays of equal length). */
export const tablesSql = `
SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relpersistence::text AS persistence,
  coalesce(am.amname, '') AS "accessMethod", coalesce(ts.spcname, '') AS tablespace, pg_get_userbyid(c.relowner) AS owner,
  ${grantsSql('c.relacl', "acldefault('r', c.relowner)")} AS grants,
  coalesce(to_jsonb(c.reloptions), '[]') || coalesce((SELECT jsonb_agg('toast.' || o)
    FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid), '[]') AS options,
  c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "forceRowSecurity", c.relreplident::text AS "replicaIdentity",
  obj_description(c.oid, 'pg_class') AS comment,
  CASE WHEN c.relkind = 'p' THEN 'it is partitioned'
    WHEN c.relispartition THEN 'it is a partition of another table'
    WHEN c.relkind <> 'r' THEN 'it is no ordinary table'
    WHEN c.relpersistence = 't' THEN 'it is temporary'
    WHEN c.reloftype <> 0 THEN 'it is a table of a composite type'
    WHEN EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) THEN 'it inherits or is inherited from'
    WHEN EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      THEN 'it belongs to an extension'
    WHEN EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid)
      THEN 'a subscription writes to it, and would go on writing to the displaced table: take it out of the publication first, ALTER SUBSCRIPTION ... REFRESH PUBLICATION'
    WHEN EXISTS (SELECT FROM pg_seclabel s WHERE s.classoid = 'pg_class'::regclass AND s.objoid = c.oid)
      THEN 'it carries a security label'
  END AS refusal
FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
LEFT JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace`;

export const columnsSql = `
SELECT a.attrelid::text AS of, a.attname AS name, a.attnum AS position, format_type(a.atttypid, a.atttypmod) AS type,
  CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', cn.nspname, co.collname) FROM pg_collation co
    JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END AS collation,
  a.attnotnull AS "notNull", pg_get_expr(d.adbin, d.adrelid) AS default, a.attidentity::text AS identity,
  a.attgenerated::text AS generated, coalesce(a.attstattarget, -1) AS statistics, a.attstorage::text AS storage,
  a.attcompression::text AS compression, coalesce(to_jsonb(a.attoptions), '[]') AS options,
  ${grantsSql('a.attacl')} AS grants, col_description(a.attrelid, a.attnum) AS comment, ${inexactSql} AS inexact
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`;

// A key to a partitioned table has a part for each partition, which comes and goes with it.
export const constraintsSql = `
SELECT k.conrelid::text AS of, k.oid::text, k.conname AS name, k.contype::text AS type,
  regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition, k.convalidated AS validated,
  coalesce((SELECT jsonb_agg(a.attname ORDER BY u.ord) FROM unnest(k.conkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num), '[]') AS columns,
  CASE WHEN k.contype = 'f' THEN (SELECT jsonb_build_object('oid', r.oid::text, 'schema', rn.nspname, 'name', r.relname,
    'text', format('%I.%I', rn.nspname, r.relname)) FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE r.oid = k.confrelid) END AS references,
  CASE WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid::text END AS "indexOid",
  obj_description(k.oid, 'pg_constraint') AS comment
FROM pg_constraint k WHERE k.conrelid = ANY ($1::oid[]) AND k.contype IN ('p', 'u', 'x', 'c', 'f', 'n')
  AND NOT (k.contype = 'f' AND k.conparentid <> 0)
ORDER BY k.conrelid, k.conname`;

// The text before the tail is made of parts we know, so its length gives where the tail begins, whatever the names hold.
export const indexesSql = `
SELECT i.indrelid::text AS of, i.indexrelid::text AS oid, ic.relname AS name, i.indisunique AS unique,
  substr(pg_get_indexdef(i.indexrelid), length(format('CREATE %sINDEX %I ON %I.%I ',
    CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, ic.relname, tn.nspname, tc.relname)) + 1) AS tail,
  (SELECT k.conname FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AS constraint,
  i.indisreplident AS "isReplicaIdentity", i.indisclustered AS "isClustered", i.indisvalid AS valid,
  coalesce((SELECT jsonb_agg(jsonb_build_array(a.attnum, a.attstattarget) ORDER BY a.attnum) FROM pg_attribute a
    WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0), '[]') AS targets,
  obj_description(i.indexrelid, 'pg_class') AS comment
FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_class tc ON tc.oid = i.indrelid
JOIN pg_namespace tn ON tn.oid = tc.relnamespace WHERE i.indrelid = ANY ($1::oid[]) ORDER BY i.indrelid, ic.relname`;

// Owned by a column (identity: by its nature), or only used by its default.
export const sequencesSql = `
SELECT held.of::text AS of, c.oid::text, n.nspname AS schema, c.relname AS name, a.attname AS column, held.identity, held.owned,
  s.seqincrement < 0 AS descending, pg_get_userbyid(c.relowner) AS owner,
  format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %sCYCLE', s.seqincrement, s.seqmin, s.seqmax,
    s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN '' ELSE 'NO ' END) AS parameters,
  ${grantsSql('c.relacl', "acldefault('s', c.relowner)")} AS grants, obj_description(c.oid, 'pg_class') AS comment
FROM (
  SELECT d.refobjid AS of, d.refobjsubid::int AS num, d.objid AS seq, d.deptype = 'i' AS identity, true AS owned FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    AND d.refobjid = ANY ($1::oid[])
  UNION ALL
  SELECT f.adrelid, f.adnum::int, d.refobjid, false, false FROM pg_attrdef f
  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
  WHERE f.adrelid = ANY ($1::oid[]) AND NOT EXISTS (SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass
    AND o.objid = d.refobjid AND o.deptype IN ('a', 'i') AND o.refobjid = f.adrelid AND o.refobjsubid > 0)
) held JOIN pg_class c ON c.oid = held.seq AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_sequence s ON s.seqrelid = c.oid JOIN pg_attribute a ON a.attrelid = held.of AND a.attnum = held.num
ORDER BY held.of, c.relname`;

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

/** What holds on to the live tables from outside ($1: their oids, $2: oids of the incoming ones). */

export const incomingKeysSql = `
SELECT jsonb_build_object('schema', n.nspname, 'name', c.relname) AS table, c.oid::text AS "tableOid",
  c.relkind = 'p' AS partitioned,
  (SELECT jsonb_agg(a.attname ORDER BY u.ord) FROM unnest(k.conkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
  (SELECT jsonb_agg(a.attname ORDER BY u.ord) FROM unnest(k.confkey) WITH ORDINALITY u (num, ord)
    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) AS "targetColumns",
  k.confrelid::text AS references, k.conname AS name, k.convalidated AS validated,
  regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition,
  obj_description(k.oid, 'pg_constraint') AS comment
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.confrelid = ANY ($1::oid[] || $2::oid[]) AND k.conrelid <> ALL ($1::oid[] || $2::oid[])
  AND k.conparentid = 0 ORDER BY n.nspname, c.relname, k.conname`;

// Cycles cannot be: a view reads only what was there before it, bar CREATE OR REPLACE, which PostgreSQL refuses.
const reachedViewsSql = `
WITH RECURSIVE reads AS (
  SELECT DISTINCT r.ev_class AS view, d.refobjid AS read FROM pg_rewrite r
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  WHERE r.rulename = '_RETURN' AND d.refobjid <> r.ev_class
), reached AS (
  SELECT view, 0 AS depth FROM reads WHERE read = ANY ($1::oid[])
  UNION SELECT reads.view, reached.depth + 1 FROM reached JOIN reads ON reads.read = reached.view
)`;

export const viewsSql = `${reachedViewsSql}
SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS materialized,
  regexp_replace(pg_get_viewdef(c.oid), ';\\s*$', '') AS definition, coalesce(to_jsonb(c.reloptions), '[]') AS options,
  pg_get_userbyid(c.relowner) AS owner, ${grantsSql('c.relacl', "acldefault('r', c.relowner)")} AS grants,
  obj_description(c.oid, 'pg_class') AS comment, c.relispopulated AS populated, max(reached.depth)::int AS depth,
  (SELECT jsonb_agg(reads.read::text) FROM reads WHERE reads.view = c.oid) AS reads
FROM reached JOIN pg_class c ON c.oid = reached.view JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY c.oid, n.nspname ORDER BY depth, n.nspname, c.relname`;

/** Also of the materialized views reached: they are replaced too, so what reads them is held the same way. */
export const dependentsSql = `${reachedViewsSql}, held AS (
  SELECT unnest($1::oid[]) AS oid UNION SELECT c.oid FROM reached JOIN pg_class c ON c.oid = view WHERE c.relkind = 'm'
)
SELECT 'function' AS kind, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS object,
  NULL::jsonb AS on, pg_get_functiondef(p.oid) AS sql
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid IN (
  SELECT d.objid FROM pg_depend d JOIN held ON held.oid = d.refobjid
  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass)
UNION ALL
SELECT 'policy', format('%I.%I %I', n.nspname, c.relname, p.polname), jsonb_build_object('schema', n.nspname, 'name', c.relname),
  format('ALTER POLICY %I ON %I.%I%s%s', p.polname, n.nspname, c.relname,
    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.polrelid <> ALL ($1::oid[] || $2::oid[]) AND p.oid IN (
  SELECT d.objid FROM pg_depend d JOIN held ON held.oid = d.refobjid
  WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass)
UNION ALL
SELECT 'rule', format('%I.%I %I', n.nspname, c.relname, r.rulename), jsonb_build_object('schema', n.nspname, 'name', c.relname),
  regexp_replace(pg_get_ruledef(r.oid), '^CREATE RULE', 'CREATE OR REPLACE RULE')
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN' AND r.ev_class <> ALL ($1::oid[] || $2::oid[]) AND r.oid IN (
  SELECT d.objid FROM pg_depend d JOIN held ON held.oid = d.refobjid
  WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass)
ORDER BY 1, 2`;

export const publicationsSql = `
SELECT p.pubname AS publication, r.prrelid::text AS "tableOid", 'table' AS covers,
  coalesce((SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a
    WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])), '')
  || coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', '') AS tail
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = ANY ($1::oid[] || $2::oid[])
UNION ALL
SELECT p.pubname, c.oid::text, 'schema', '' FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid
JOIN pg_class c ON c.relnamespace = s.pnnspid WHERE c.oid = ANY ($1::oid[])
UNION ALL
SELECT p.pubname, c.oid::text, 'all', '' FROM pg_publication p, pg_class c WHERE p.puballtables AND c.oid = ANY ($1::oid[])
ORDER BY 1, 2`;

export const defaultPrivilegesSql = `
SELECT format('of %s in %s for %s', pg_get_userbyid(a.defaclrole), coalesce(n.nspname, 'every schema'), a.defaclobjtype) AS text
FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace ORDER BY 1`;

// What holds a row type cannot be re-pointed: a column, argument or result of the old relation's type stays of that type.
// And whatever holds a relation through a catalog that is not one of those the engine knows. Replaced are the live tables and
// the materialized views that read them, or one another.
export const obstaclesSql = `
WITH RECURSIVE replaced AS (
  SELECT unnest($1::oid[]) AS oid
  UNION SELECT c.oid FROM replaced JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = replaced.oid
    AND d.classid = 'pg_rewrite'::regclass JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class c ON c.oid = r.ev_class AND c.relkind = 'm'
)
SELECT DISTINCT text FROM (
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses the row type of ' || t.typrelid::regclass AS text
  FROM pg_type t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
  WHERE t.typrelid IN (SELECT oid FROM replaced) AND d.deptype <> 'i' AND NOT (d.classid = 'pg_type'::regclass AND d.objid = t.typarray)
  UNION ALL
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on ' || d.refobjid::regclass
  FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM replaced)
    AND d.classid NOT IN ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_trigger'::regclass, 'pg_attrdef'::regclass,
      'pg_type'::regclass, 'pg_class'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass,
      'pg_publication_rel'::regclass, 'pg_statistic_ext'::regclass)
  UNION ALL
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' names ' || d.refobjid::regclass
  FROM pg_depend d LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype <> 'f'
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
    AND coalesce(f.adrelid, nullif(k.conrelid, 0)) <> ALL ($1::oid[])
  UNION ALL
  SELECT pg_get_userbyid(a.grantor) || ' gave rights on ' || c.oid::regclass || ', and ' || current_user || ' may not act as that role'
  FROM pg_class c LEFT JOIN pg_attribute x ON x.attrelid = c.oid AND x.attacl IS NOT NULL, LATERAL (
    SELECT * FROM aclexplode(c.relacl) UNION ALL SELECT * FROM aclexplode(x.attacl)) a
  WHERE c.oid IN (SELECT oid FROM replaced) AND a.grantor <> c.relowner AND NOT pg_has_role(a.grantor, 'MEMBER')
) o ORDER BY 1`;

export const takenNamesSql = `
SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[])
UNION SELECT n.nspname, s.stxname FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE n.nspname = ANY ($1::text[])`;
