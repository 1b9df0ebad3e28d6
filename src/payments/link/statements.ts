import { identifier, qualified } from '../../plan/sql.ts';
import type { BookingsTable } from './types.ts';

/** Names of what the link makes in the table. */
export const linkNames = {
  column: 'user_id',
  trigger: 'drover_link',
  counters: ['drover_count_bookings_added', 'drover_count_bookings_changed', 'drover_count_bookings_removed'],
  truncate: 'drover_count_bookings_truncated',
  index: (table: string): string => `${table.slice(0, 45)}_user_id_drover`,
  constraint: 'drover_user_id_fkey',
} as const;

export const tableOf = ({ schema, name }: BookingsTable): string => qualified(schema, name);

/** The contact of a row, by its alias, as an object of jsonb; null when it is none. */
export function contactSql(schema: string, table: BookingsTable, row: string): string {
  const value = `${row}.${identifier(table.contact)}`;
  const decode = qualified(schema, 'drover_decode_contact');
  if (table.contactType === 'jsonb')
    return `CASE WHEN jsonb_typeof(${value}) = 'object' THEN ${value} ELSE ${decode}(${value}::text) END`;
  return `${decode}(${value}::text)`;
}

/** The key of the address of a row; null when it has no usable one. */
export function contactKeySql(schema: string, table: BookingsTable, row: string): string {
  return `${qualified(schema, 'drover_contact_key')}(${contactSql(schema, table, row)})`;
}

const createdAtSql = (table: BookingsTable, row: string): string =>
  `${row}.${identifier(table.createdAt)}::timestamptz`;

/**
 * Functions of the link. They are written so that no write of the owner ever fails for them: whatever happens in there, the row is
 * written without a user, and listed as not linked.
 */
export function functionsSql(schema: string, table: BookingsTable): string {
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  const own = (name: string): string => qualified(schema, name);
  const column = identifier(linkNames.column);
  const contact = identifier(table.contact);
  return `
CREATE OR REPLACE FUNCTION ${fn('decode_contact')}(p_text text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $fn$
DECLARE v jsonb;
BEGIN
  IF p_text IS NULL OR btrim(p_text) = '' THEN RETURN NULL; END IF;
  v := p_text::jsonb;
  -- Encoded once more, as applications do that put JSON into a text.
  FOR i IN 1..2 LOOP
    EXIT WHEN jsonb_typeof(v) <> 'string';
    v := (v #>> '{}')::jsonb;
  END LOOP;
  RETURN CASE WHEN jsonb_typeof(v) = 'object' THEN v END;
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('contact_field')}(p_contact jsonb, p_names text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $fn$
  SELECT btrim(f.value) FROM jsonb_each_text(p_contact) f
  WHERE lower(translate(f.key, '_- ', '')) = ANY (p_names) AND btrim(f.value) <> ''
  ORDER BY array_position(p_names, lower(translate(f.key, '_- ', ''))) LIMIT 1
$fn$;

CREATE OR REPLACE FUNCTION ${fn('contact_key')}(p_contact jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $fn$
  SELECT ${fn('email_key')}(coalesce(nullif(btrim(p_contact ->> 'email'), ''), ${fn('contact_field')}(p_contact, ARRAY['email', 'emailaddress', 'mail', 'mailaddress'])))
$fn$;

-- The user of a contact; made when there is none. A domain in letters is only looked up: its ASCII form is not known in SQL.
CREATE OR REPLACE FUNCTION ${fn('user_of_contact')}(p_contact jsonb, p_at timestamptz) RETURNS uuid LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
DECLARE v_key text := ${fn('contact_key')}(p_contact); v_user uuid;
BEGIN
  IF v_key IS NULL THEN RETURN NULL; END IF;
  SELECT e.user_id INTO v_user FROM ${own('user_emails')} e WHERE e.email_key = v_key;
  IF v_user IS NOT NULL OR v_key ~ '@.*[^ -~]' THEN RETURN v_user; END IF;
  INSERT INTO ${own('users')} (id, email, first_name, last_name, phone, created_at)
  VALUES (${fn('user_id')}(v_key), v_key, ${fn('contact_field')}(p_contact, ARRAY['firstname', 'givenname']),
    ${fn('contact_field')}(p_contact, ARRAY['lastname', 'surname', 'familyname']), ${fn('contact_field')}(p_contact, ARRAY['phone', 'phonenumber', 'mobile']), p_at)
  ON CONFLICT DO NOTHING;
  SELECT e.user_id INTO v_user FROM ${own('user_emails')} e WHERE e.email_key = v_key;
  RETURN v_user;
END $fn$;

-- With the rights of its owner: the application need not know the tables of users.
CREATE OR REPLACE FUNCTION ${fn('link_booking')}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.${column} IS NOT NULL THEN RETURN NEW; END IF;
  ELSIF NEW.${contact}::text IS NOT DISTINCT FROM OLD.${contact}::text OR NEW.${column} IS DISTINCT FROM OLD.${column} THEN
    RETURN NEW;
  END IF;
  BEGIN
    NEW.${column} := ${fn('user_of_contact')}(${contactSql(schema, table, 'NEW')}, ${createdAtSql(table, 'NEW')});
  EXCEPTION WHEN OTHERS THEN
    NEW.${column} := NULL;
  END;
  RETURN NEW;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('count_bookings')}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO ${own('user_statistics_deltas')} (user_id, bookings, first_booking_at, last_booking_at)
    SELECT n.${column}, count(*), min(${createdAtSql(table, 'n')}), max(${createdAtSql(table, 'n')})
    FROM new_rows n WHERE n.${column} IS NOT NULL GROUP BY 1;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO ${own('user_statistics_deltas')} (user_id, bookings, look_up)
    SELECT o.${column}, -count(*), true FROM old_rows o WHERE o.${column} IS NOT NULL GROUP BY 1;
  ELSE
    INSERT INTO ${own('user_statistics_deltas')} (user_id, bookings, first_booking_at, last_booking_at, look_up)
    SELECT x.user_id, sum(x.n), min(x.at) FILTER (WHERE x.n > 0), max(x.at) FILTER (WHERE x.n > 0), bool_or(x.n < 0) FROM (
      SELECT o.${column} AS user_id, -1 AS n, ${createdAtSql(table, 'o')} AS at FROM old_rows o JOIN new_rows n USING (${identifier(table.key)})
        WHERE (o.${column}, ${createdAtSql(table, 'o')}) IS DISTINCT FROM (n.${column}, ${createdAtSql(table, 'n')})
      UNION ALL
      SELECT n.${column}, 1, ${createdAtSql(table, 'n')} FROM old_rows o JOIN new_rows n USING (${identifier(table.key)})
        WHERE (o.${column}, ${createdAtSql(table, 'o')}) IS DISTINCT FROM (n.${column}, ${createdAtSql(table, 'n')})
    ) x WHERE x.user_id IS NOT NULL GROUP BY 1;
  END IF;
  RETURN NULL;
END $fn$;

CREATE OR REPLACE FUNCTION ${fn('count_bookings_truncated')}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  INSERT INTO ${own('user_statistics_deltas')} (user_id, bookings, look_up)
  SELECT b.${column}, -count(*), true FROM ${tableOf(table)} b WHERE b.${column} IS NOT NULL GROUP BY 1;
  RETURN NULL;
END $fn$;
`;
}

/** What is changed in the table itself, in one short transaction. */
export function tableStatements(schema: string, table: BookingsTable): readonly string[] {
  const on = tableOf(table);
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  const [added, changed, removed] = linkNames.counters.map(identifier);
  return [
    `ALTER TABLE ${on} ADD COLUMN IF NOT EXISTS ${identifier(linkNames.column)} uuid`,
    `CREATE OR REPLACE TRIGGER ${identifier(linkNames.trigger)} BEFORE INSERT OR UPDATE OF ${identifier(table.contact)} ON ${on} FOR EACH ROW EXECUTE FUNCTION ${fn('link_booking')}()`,
    `CREATE OR REPLACE TRIGGER ${added} AFTER INSERT ON ${on} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_bookings')}()`,
    `CREATE OR REPLACE TRIGGER ${changed} AFTER UPDATE ON ${on} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_bookings')}()`,
    `CREATE OR REPLACE TRIGGER ${removed} AFTER DELETE ON ${on} REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_bookings')}()`,
    `CREATE OR REPLACE TRIGGER ${identifier(linkNames.truncate)} BEFORE TRUNCATE ON ${on} FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_bookings_truncated')}()`,
  ];
}

/** Without a lock on writers; one that was left half-made is invalid, and made again. */
export function indexStatement(table: BookingsTable): string {
  return `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${identifier(linkNames.index(table.name))} ON ${tableOf(table)} (${identifier(linkNames.column)})`;
}

/** The key first without a look at the rows, and the look afterwards without a lock on writers. */
export function keyStatements(schema: string, table: BookingsTable): readonly [string, string] {
  const name = identifier(linkNames.constraint);
  return [
    `ALTER TABLE ${tableOf(table)} ADD CONSTRAINT ${name} FOREIGN KEY (${identifier(linkNames.column)}) REFERENCES ${qualified(schema, 'users')} (id) NOT VALID`,
    `ALTER TABLE ${tableOf(table)} VALIDATE CONSTRAINT ${name}`,
  ];
}

/** The way back, in one short transaction; the index goes with the column. */
export function undoStatements(schema: string, table: BookingsTable): readonly string[] {
  const on = tableOf(table);
  const triggers = [linkNames.trigger, ...linkNames.counters, linkNames.truncate];
  return [
    ...triggers.map((name) => `DROP TRIGGER IF EXISTS ${identifier(name)} ON ${on}`),
    `ALTER TABLE ${on} DROP COLUMN IF EXISTS ${identifier(linkNames.column)}`,
    `DELETE FROM ${qualified(schema, 'user_statistics_deltas')} WHERE currency = ''`,
    `DELETE FROM ${qualified(schema, 'user_totals')} WHERE currency = ''`,
    `DELETE FROM ${qualified(schema, 'booking_link')}`,
  ];
}

/** Where the link stands, in the target beside what it speaks of: progress and the rows of a batch are one transaction. */
export function linkTableSql(schema: string): string {
  return `CREATE TABLE IF NOT EXISTS ${qualified(schema, 'booking_link')} (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  bookings jsonb NOT NULL,
  state text NOT NULL,
  paused_in text,
  up_to text,
  after text,
  passed bigint NOT NULL DEFAULT 0,
  batch_size int NOT NULL DEFAULT 500,
  hold jsonb,
  last_error text,
  lease_token text,
  lease_until timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
)`;
}

/**
 * One batch: $1 the key to go on after (null: from the beginning), $2 the frontier, $3 rows. Links what has a user, and answers
 * the last key, how many rows were passed, and how many have a usable address and no user yet.
 */
export function fillSql(schema: string, table: BookingsTable): string {
  const key = identifier(table.key);
  const column = identifier(linkNames.column);
  return `
WITH batch AS MATERIALIZED (
  SELECT b.${key} AS key, b.${column} AS user_id, CASE WHEN b.${column} IS NULL THEN ${contactKeySql(schema, table, 'b')} END AS email_key
  FROM ${tableOf(table)} b
  WHERE ($1::${table.keyType} IS NULL OR b.${key} > $1) AND b.${key} <= $2::${table.keyType} ORDER BY b.${key} LIMIT $3
), found AS MATERIALIZED (
  SELECT t.key, e.user_id FROM batch t JOIN ${qualified(schema, 'user_emails')} e ON e.email_key = t.email_key
), linked AS (
  -- In the order of the key, as writers of many rows lock them; a row that was linked meanwhile is left.
  UPDATE ${tableOf(table)} b SET ${column} = f.user_id FROM found f WHERE b.${key} = f.key AND b.${column} IS NULL RETURNING 1
)
SELECT (SELECT t.key::text FROM batch t ORDER BY t.key DESC LIMIT 1) AS last, (SELECT count(*)::int FROM batch) AS passed,
  (SELECT count(*)::int FROM linked) AS linked,
  (SELECT array_agg(DISTINCT t.email_key) FROM batch t WHERE t.email_key IS NOT NULL AND NOT EXISTS (SELECT FROM found f WHERE f.key = t.key)) AS unknown`;
}

/** Makes the users of rows between two keys that have none: bookings that came between the run and the trigger. $1 and $2 as in `fillSql`. */
export function addUsersSql(schema: string, table: BookingsTable): string {
  const key = identifier(table.key);
  return `
SELECT count(${qualified(schema, 'drover_user_of_contact')}(x.contact, x.at))::int AS n FROM (
  SELECT DISTINCT ON (${contactKeySql(schema, table, 'b')}) ${contactSql(schema, table, 'b')} AS contact, ${createdAtSql(table, 'b')} AS at
  FROM ${tableOf(table)} b
  WHERE ($1::${table.keyType} IS NULL OR b.${key} > $1) AND b.${key} <= $2::${table.keyType} AND b.${identifier(linkNames.column)} IS NULL
    AND ${contactKeySql(schema, table, 'b')} = ANY ($3::text[])
  ORDER BY ${contactKeySql(schema, table, 'b')}, ${createdAtSql(table, 'b')} DESC) x`;
}
