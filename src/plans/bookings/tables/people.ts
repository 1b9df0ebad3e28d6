import { followsParent } from '../../../plan/contract.ts';
import { emailKeySql, qualified } from '../../../plan/sql.ts';

/**
 * Who an address belongs to. `user_emails` has every spelling by which a booking may name a user (the key of the address, with
 * the domain in letters where it has such), also those of users that were merged into another one; a trigger of `users` keeps
 * it, and a merge points the addresses of the merged user at the one that stays.
 */
export function peopleTablesSql(schema: string): string {
  const table = (name: string): string => qualified(schema, name);
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  return `
ALTER TABLE ${table('users')} ADD COLUMN IF NOT EXISTS merged_into uuid REFERENCES ${table('users')} (id) ON DELETE SET NULL;
CREATE INDEX IF NOT EXISTS users_merged_into ON ${table('users')} (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE IF NOT EXISTS ${table('user_emails')} (
  email_key text PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES ${table('users')} (id) ON DELETE CASCADE
);
COMMENT ON TABLE ${table('user_emails')} IS '${followsParent}';
CREATE INDEX IF NOT EXISTS user_emails_user_id ON ${table('user_emails')} (user_id);

-- The form by which addresses are compared; null for a text that is no address.
CREATE OR REPLACE FUNCTION ${fn('email_key')}(p_email text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $fn$
  SELECT k FROM (SELECT ${emailKeySql('p_email')} AS k) x
  WHERE length(k) <= 254 AND k ~ '^[^[:space:]@<>,;:"()\\[\\]\\\\]{1,64}@[^[:space:]@<>,;:"()\\[\\]\\\\.]+(\\.[^[:space:]@<>,;:"()\\[\\]\\\\.]+)+$'
$fn$;

-- The id of a user that is made of an address: UUID version 8, of its SHA-256. The migration makes the same.
CREATE OR REPLACE FUNCTION ${fn('user_id')}(p_key text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $fn$
  SELECT (substr(h, 1, 12) || '8' || substr(h, 14, 3)
    || substr('89ab', (get_byte(d, 8) >> 4 & 3) + 1, 1) || substr(h, 18, 15))::uuid
  FROM (SELECT encode(d, 'hex') AS h, d FROM (SELECT sha256(convert_to(p_key, 'UTF8')) AS d) y) x
$fn$;

CREATE OR REPLACE FUNCTION ${fn('keep_emails')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  INSERT INTO ${table('user_emails')} (email_key, user_id)
  SELECT DISTINCT ON (k) k, coalesce(merged_into, id) FROM (
    SELECT ${fn('email_key')}(n.email) AS k, n.id, n.merged_into FROM new_rows n) x
  WHERE k IS NOT NULL ORDER BY k, id
  ON CONFLICT (email_key) DO NOTHING;
  RETURN NULL;
END $fn$;
CREATE OR REPLACE TRIGGER drover_emails_added AFTER INSERT ON ${table('users')}
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('keep_emails')}();
CREATE OR REPLACE TRIGGER drover_emails_changed AFTER UPDATE ON ${table('users')}
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('keep_emails')}();
INSERT INTO ${table('user_emails')} (email_key, user_id)
SELECT DISTINCT ON (k) k, coalesce(merged_into, id) FROM (
  SELECT ${fn('email_key')}(u.email) AS k, u.id, u.merged_into FROM ${table('users')} u
  WHERE NOT EXISTS (SELECT FROM ${table('user_emails')} e WHERE e.user_id = u.id)) x
WHERE k IS NOT NULL ORDER BY k, id ON CONFLICT (email_key) DO NOTHING;
`;
}
