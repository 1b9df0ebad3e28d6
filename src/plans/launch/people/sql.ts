/**
 * People out of `systemeio_raw`: contacts with one address are one person, known by the contact that registered first.
 */
const registrationOrder = (alias: string): string => `(coalesce(${alias}.created_at, 'infinity'), ${alias}.contact_id)`;

/** What all contacts of `c`'s address say together; of one without a usable address, what it says itself. */
const mergedContacts = (c: string, alias: string): string => `LATERAL (
  SELECT array_agg(DISTINCT t.tag) FILTER (WHERE t.tag IS NOT NULL) AS tags, array_agg(DISTINCT o.contact_id) AS contact_ids,
    bool_or(o.unsubscribed) AS unsubscribed, bool_and(o.bounced) AS bounced, bool_and(o.needs_confirmation) AS needs_confirmation,
    (array_agg(o.source_url ORDER BY o.created_at, o.contact_id) FILTER (WHERE o.source_url IS NOT NULL))[1] AS source_url
  FROM {schema}.systemeio_raw o LEFT JOIN LATERAL unnest(o.tags) AS t(tag) ON true
  WHERE o.contact_id = ${c}.contact_id OR o.email_key = ${c}.email_key
) ${alias}`;

const contactJson = (
  c: string,
  all: string,
): string => `jsonb_build_object('contact_id', ${c}.contact_id, 'email', ${c}.email_key,
  'first_name', ${c}.first_name, 'last_name', ${c}.last_name, 'phone', ${c}.phone, 'created_at', ${c}.created_at,
  'tags', coalesce(to_jsonb(${all}.tags), '[]'), 'contact_ids', to_jsonb(${all}.contact_ids), 'source_url', ${all}.source_url,
  'unsubscribed', ${all}.unsubscribed, 'bounced', ${all}.bounced, 'needs_confirmation', ${all}.needs_confirmation)`;

/** The person of an address, as `alias.contact`; no row when there is none. */
export const personJoin = (email: string, alias: string): string => `LATERAL (
  SELECT ${contactJson('c', 'every')} AS contact FROM (
    SELECT * FROM {schema}.systemeio_raw c WHERE c.email_key = ${email} ORDER BY coalesce(c.created_at, 'infinity'), c.contact_id LIMIT 1
  ) c CROSS JOIN ${mergedContacts('c', 'every')}
) ${alias}`;

/**
 * A page of people; `more` are further columns and `joins` where they come from, over `c` (the first contact) and `every` (all
 * of the address). `$4`: only people with one of these tags, in lower case; null for everybody.
 */
export function peoplePageSql(more = '', joins = '', where = ''): string {
  return `
SELECT c.contact_id AS key, ${contactJson('c', 'every')} AS contact${more}
FROM (
  SELECT * FROM {schema}.systemeio_raw c
  WHERE c.contact_id > $1 AND ($3::text[] IS NULL OR c.contact_id = ANY ($3))
    AND NOT EXISTS (SELECT 1 FROM {schema}.systemeio_raw o WHERE o.email_key = c.email_key AND ${registrationOrder('o')} < ${registrationOrder('c')})
    AND ($4::text[] IS NULL OR EXISTS (
      SELECT 1 FROM {schema}.systemeio_raw o, unnest(o.tags) AS t(tag)
      WHERE (o.contact_id = c.contact_id OR o.email_key = c.email_key) AND lower(t.tag) = ANY ($4)))${where}
  ORDER BY c.contact_id LIMIT $2
) c
CROSS JOIN ${mergedContacts('c', 'every')}
${joins}
ORDER BY c.contact_id`;
}
