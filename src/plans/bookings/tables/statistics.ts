import { followsParent } from '../../../plan/contract.ts';
import { qualified } from '../../../plan/sql.ts';

/**
 * What is known of a user by counting: bookings, and money by currency.
 *
 * Writers only add rows: a trigger puts what a statement changes into `user_statistics_deltas`, one row a user and currency, in
 * the statement's transaction, so no two writers wait for each other. The totals are folded from them later
 * (`drover_fold_statistics`), and what has not been folded yet is added when a figure is read (the view `user_statistics`). So a
 * figure is exact at any moment, in any snapshot.
 *
 * "Spent" is what came in and stayed: the sum of a user's payments, of each what its entries add up to, and nothing where that is
 * below zero; in minor units, by currency. Currencies are never added up.
 */
export function statisticsTablesSql(schema: string): string {
  const table = (name: string): string => qualified(schema, name);
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  return `
CREATE TABLE IF NOT EXISTS ${table('user_statistics_deltas')} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid NOT NULL,
  -- Empty for what has no currency: bookings.
  currency text NOT NULL DEFAULT '',
  bookings bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  first_booking_at timestamptz,
  last_booking_at timestamptz,
  -- A booking was taken away: first and last are to be looked up again.
  look_up boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS user_statistics_deltas_user_id ON ${table('user_statistics_deltas')} (user_id);

CREATE TABLE IF NOT EXISTS ${table('user_totals')} (
  user_id uuid NOT NULL REFERENCES ${table('users')} (id) ON DELETE CASCADE,
  currency text NOT NULL DEFAULT '',
  bookings bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  first_booking_at timestamptz,
  last_booking_at timestamptz,
  PRIMARY KEY (user_id, currency)
);
COMMENT ON TABLE ${table('user_totals')} IS '${followsParent}';

-- Exact sums of a user by currency; the row of the empty currency counts bookings.
CREATE OR REPLACE VIEW ${table('user_statistics')} AS
SELECT user_id, currency, sum(bookings)::bigint AS bookings, sum(spent)::bigint AS spent,
  min(first_booking_at) AS first_booking_at, max(last_booking_at) AS last_booking_at, bool_or(look_up) AS look_up
FROM (
  SELECT user_id, currency, bookings, spent, first_booking_at, last_booking_at, false AS look_up FROM ${table('user_totals')}
  UNION ALL
  SELECT user_id, currency, bookings, spent, first_booking_at, last_booking_at, look_up FROM ${table('user_statistics_deltas')}
) x GROUP BY user_id, currency;

-- What a payment adds to "spent" by a currency: never less than nothing. A refund and a dispute of the same money can together
-- be more than the payment; the excess is an anomaly that is listed, and no reason to take money from other payments.
CREATE OR REPLACE FUNCTION ${fn('kept')}(p_sum numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $fn$
  SELECT greatest(0, coalesce(p_sum, 0))::bigint
$fn$;

CREATE OR REPLACE FUNCTION ${fn('count_entries')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- Locked first, in one order: of two writers to one payment the second must see the entries of the first.
    PERFORM FROM ${table('payments')} p WHERE p.id IN (SELECT n.payment_id FROM new_rows n) ORDER BY p.id FOR NO KEY UPDATE;
    INSERT INTO ${table('user_statistics_deltas')} (user_id, currency, spent)
    SELECT x.user_id, x.currency, sum(${fn('kept')}(x.after) - ${fn('kept')}(x.after - x.added)) FROM (
      SELECT n.user_id, n.payment_id, n.currency, sum(n.amount) AS added, (
        SELECT sum(e.amount) FROM ${table('payment_entries')} e WHERE e.payment_id = n.payment_id AND e.currency = n.currency) AS after
      FROM new_rows n WHERE n.user_id IS NOT NULL GROUP BY 1, 2, 3) x
    GROUP BY 1, 2 HAVING sum(${fn('kept')}(x.after) - ${fn('kept')}(x.after - x.added)) <> 0;
  ELSIF TG_OP = 'DELETE' THEN
    -- Entries go with their payment only, so these are all of it.
    INSERT INTO ${table('user_statistics_deltas')} (user_id, currency, spent)
    SELECT x.user_id, x.currency, -sum(${fn('kept')}(x.amount)) FROM (
      SELECT o.user_id, o.payment_id, o.currency, sum(o.amount) AS amount FROM old_rows o WHERE o.user_id IS NOT NULL GROUP BY 1, 2, 3) x
    GROUP BY 1, 2 HAVING sum(${fn('kept')}(x.amount)) <> 0;
  ELSE
    -- Only the user changes, of all entries of a payment together.
    INSERT INTO ${table('user_statistics_deltas')} (user_id, currency, spent)
    SELECT x.user_id, x.currency, sum(x.sign * ${fn('kept')}(x.amount)) FROM (
      SELECT o.user_id, o.payment_id, o.currency, -1 AS sign, sum(o.amount) AS amount FROM old_rows o GROUP BY 1, 2, 3
      UNION ALL
      SELECT n.user_id, n.payment_id, n.currency, 1, sum(n.amount) FROM new_rows n GROUP BY 1, 2, 3) x
    WHERE x.user_id IS NOT NULL GROUP BY 1, 2 HAVING sum(x.sign * ${fn('kept')}(x.amount)) <> 0;
  END IF;
  RETURN NULL;
END $fn$;
CREATE OR REPLACE TRIGGER drover_count_added AFTER INSERT ON ${table('payment_entries')}
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_entries')}();
CREATE OR REPLACE TRIGGER drover_count_changed AFTER UPDATE ON ${table('payment_entries')}
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_entries')}();
CREATE OR REPLACE TRIGGER drover_count_removed AFTER DELETE ON ${table('payment_entries')}
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('count_entries')}();
`;
}
