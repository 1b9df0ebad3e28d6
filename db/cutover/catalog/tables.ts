import { grantsSql } from './grants.ts';

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
  ${grantsSql('a.attacl')} AS grants, col_description(a.attrelid, a.attnum) AS comment
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

// The text before the tail is made of parts we know, so its length tells where the tail begins, whatever the names hold.
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
