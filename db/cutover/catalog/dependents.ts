import { grantsSql } from './grants.ts';

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

// What holds a row type cannot be re-pointed: a column, argument or result of the old table's type stays of that type.
// And whatever holds a table through a catalog that is not one of those the engine knows.
export const obstaclesSql = `
SELECT DISTINCT text FROM (
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses the row type of ' || t.typrelid::regclass AS text
  FROM pg_type t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
  WHERE t.typrelid = ANY ($1::oid[]) AND d.deptype <> 'i' AND NOT (d.classid = 'pg_type'::regclass AND d.objid = t.typarray)
  UNION ALL
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on ' || d.refobjid::regclass
  FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
    AND d.classid NOT IN ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_trigger'::regclass, 'pg_attrdef'::regclass,
      'pg_type'::regclass, 'pg_class'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass,
      'pg_publication_rel'::regclass, 'pg_statistic_ext'::regclass)
  UNION ALL
  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' names ' || d.refobjid::regclass
  FROM pg_depend d LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype <> 'f'
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
    AND coalesce(f.adrelid, nullif(k.conrelid, 0)) <> ALL ($1::oid[])
) o ORDER BY 1`;

export const takenNamesSql = `
SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[])
UNION SELECT n.nspname, s.stxname FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
WHERE n.nspname = ANY ($1::text[])`;
