/** Grants of an access list as JSON, sorted; `fallback` stands in for an absent list. */
export function grantsSql(list: string, fallback?: string): string {
  const acl = fallback === undefined ? list : `coalesce(${list}, ${fallback})`;
  return `coalesce((SELECT jsonb_agg(g ORDER BY g->>'grantee', g->>'privilege') FROM (
    SELECT DISTINCT jsonb_build_object('grantee', CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
      'privilege', a.privilege_type, 'grantable', bool_or(a.is_grantable)) AS g
    FROM aclexplode(${acl}) a GROUP BY a.grantee, a.privilege_type) t), '[]')`;
}
