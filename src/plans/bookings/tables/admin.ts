import { qualified } from '../../../plan/sql.ts';

/**
 * What the admin API needs: the record of merges of users, so that a merge can be undone, and indexes for search and order.
 *
 * The record has no foreign key to `users`: it says what was, and stays when a user is removed.
 */
export function adminTablesSql(schema: string): string {
  const table = (name: string): string => qualified(schema, name);
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  return `
CREATE TABLE IF NOT EXISTS ${table('user_merges')} (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  into_id uuid NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  merged_at timestamptz NOT NULL DEFAULT now(),
  undone_at timestamptz,
  undone_by text,
  undo_reason text
);
CREATE UNIQUE INDEX IF NOT EXISTS user_merges_one_at_a_time ON ${table('user_merges')} (user_id) WHERE undone_at IS NULL;
CREATE INDEX IF NOT EXISTS user_merges_into_id ON ${table('user_merges')} (into_id);

CREATE TABLE IF NOT EXISTS ${table('user_merge_rows')} (
  merge_id uuid NOT NULL REFERENCES ${table('user_merges')} (id) ON DELETE CASCADE,
  n bigint GENERATED ALWAYS AS IDENTITY,
  -- As to_regclass reads it.
  table_name text NOT NULL,
  column_name text NOT NULL,
  -- The columns of the row's key without the one that was changed, as text.
  key jsonb NOT NULL,
  -- False: the row belonged to the surviving user before the merge, although it has an address of the merged one.
  moved boolean NOT NULL DEFAULT true,
  PRIMARY KEY (merge_id, n)
);

-- A run that writes an old row again names the user that was merged; the row belongs to the one that survived.
CREATE OR REPLACE FUNCTION ${fn('follow_merge')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
DECLARE v_into uuid;
BEGIN
  FOR i IN 1..100 LOOP
    SELECT u.merged_into INTO v_into FROM ${table('users')} u WHERE u.id = NEW.user_id;
    EXIT WHEN v_into IS NULL;
    NEW.user_id := v_into;
  END LOOP;
  RETURN NEW;
END $fn$;
CREATE OR REPLACE TRIGGER drover_follow_merge BEFORE INSERT OR UPDATE OF user_id ON ${table('payments')}
  FOR EACH ROW WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION ${fn('follow_merge')}();
CREATE OR REPLACE TRIGGER drover_follow_merge BEFORE INSERT OR UPDATE OF user_id ON ${table('user_notes')}
  FOR EACH ROW WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION ${fn('follow_merge')}();

-- By which users are ordered by name: the address where there is none. Cut, because an index takes no more than 2,700 bytes.
CREATE OR REPLACE FUNCTION ${fn('name_key')}(p_first text, p_last text, p_email text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN left(lower(coalesce(nullif(btrim(coalesce(p_last, '') || ' ' || coalesce(p_first, '')), ''), p_email, '')), 100);
-- What a search looks in. The digits of a number are there too, so that it is found however it was written.
CREATE OR REPLACE FUNCTION ${fn('search_text')}(p_first text, p_last text, p_email text, p_phone text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN lower(coalesce(p_first, '') || ' ' || coalesce(p_last, '') || E'\\n' || coalesce(p_email, '') || E'\\n' || coalesce(p_phone, '')
    || E'\\n' || regexp_replace(coalesce(p_phone, ''), '[^0-9]', '', 'g'));

CREATE INDEX IF NOT EXISTS users_by_name ON ${table('users')} (${fn('name_key')}(first_name, last_name, email), id);
CREATE INDEX IF NOT EXISTS users_by_created ON ${table('users')} (coalesce(created_at, '-infinity'::timestamptz), id);
CREATE INDEX IF NOT EXISTS user_totals_by_spent ON ${table('user_totals')} (currency, spent, user_id);
CREATE INDEX IF NOT EXISTS user_totals_by_bookings ON ${table('user_totals')} (bookings, user_id) WHERE currency = '';
CREATE INDEX IF NOT EXISTS user_totals_by_last_booking ON ${table('user_totals')} (coalesce(last_booking_at, '-infinity'::timestamptz), user_id) WHERE currency = '';

-- Without the extension, or without the right to make it, a search reads all users: slower, and the same answer.
DO $do$
DECLARE v_class text;
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'pg_trgm is not available: a search of users reads all of them';
  END;
  SELECT quote_ident(n.nspname) || '.gin_trgm_ops' INTO v_class FROM pg_catalog.pg_opclass o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace WHERE o.opcname = 'gin_trgm_ops' LIMIT 1;
  IF v_class IS NOT NULL THEN
    EXECUTE 'CREATE INDEX IF NOT EXISTS users_search ON ${table('users').replaceAll("'", "''")} USING gin (${fn('search_text').replaceAll("'", "''")}(first_name, last_name, email, phone) ' || v_class || ')';
  END IF;
END $do$;
`;
}
