import { followsParent } from '../../../plan/contract.ts';
import { qualified } from '../../../plan/sql.ts';

/**
 * The money of payments after the migration, in the target's schema.
 *
 * - `payment_entries`: every movement of money of a payment, once, named by the object at the provider that caused it. Rows are
 *   added and never changed; what a payment's status is and what a user has spent follow from them.
 * - `refunds`, `disputes`: a provider's object as it was seen last. They explain entries; no sum is made of them.
 * - `payment_events`: an event that had its effect, in the transaction of the effect; the key makes its repetition do nothing.
 *
 * Amounts are minor units, positive when they come to the business, negative when they leave it.
 */
export function moneyTablesSql(schema: string): string {
  const table = (name: string): string => qualified(schema, name);
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  return `
ALTER TABLE ${table('payments')} ADD COLUMN IF NOT EXISTS account text NOT NULL DEFAULT '';
ALTER TABLE ${table('payments')} ADD COLUMN IF NOT EXISTS livemode boolean;
ALTER TABLE ${table('payments')} ADD COLUMN IF NOT EXISTS failure_code text;
ALTER TABLE ${table('payments')} ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'pending';

CREATE TABLE IF NOT EXISTS ${table('refunds')} (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id uuid NOT NULL REFERENCES ${table('payments')} (id) ON DELETE CASCADE,
  provider text NOT NULL,
  account text NOT NULL DEFAULT '',
  provider_refund_id text NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  currency text NOT NULL,
  status text NOT NULL,
  reason text,
  happened_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (provider, account, provider_refund_id)
);
CREATE INDEX IF NOT EXISTS refunds_payment_id ON ${table('refunds')} (payment_id);

CREATE TABLE IF NOT EXISTS ${table('disputes')} (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id uuid NOT NULL REFERENCES ${table('payments')} (id) ON DELETE CASCADE,
  provider text NOT NULL,
  account text NOT NULL DEFAULT '',
  provider_dispute_id text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  status text NOT NULL,
  reason text,
  happened_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (provider, account, provider_dispute_id)
);
CREATE INDEX IF NOT EXISTS disputes_payment_id ON ${table('disputes')} (payment_id);

CREATE TABLE IF NOT EXISTS ${table('payment_events')} (
  provider text NOT NULL,
  account text NOT NULL DEFAULT '',
  event_id text NOT NULL,
  type text NOT NULL,
  payment_id uuid REFERENCES ${table('payments')} (id) ON DELETE SET NULL,
  effect text NOT NULL,
  happened_at timestamptz,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (provider, account, event_id)
);
CREATE INDEX IF NOT EXISTS payment_events_payment_id ON ${table('payment_events')} (payment_id);

CREATE TABLE IF NOT EXISTS ${table('payment_entries')} (
  payment_id uuid NOT NULL REFERENCES ${table('payments')} (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('charge', 'charge_reversal', 'adjustment', 'refund', 'refund_reversal', 'dispute', 'dispute_reversal')),
  -- What caused it at the provider: a charge, a refund, a balance transaction.
  object text NOT NULL,
  -- The payment's user; kept here so that a payment that is deleted takes its part of the sums along.
  user_id uuid,
  amount bigint NOT NULL,
  currency text NOT NULL,
  happened_at timestamptz,
  event_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (payment_id, kind, object)
);
COMMENT ON TABLE ${table('payment_entries')} IS '${followsParent}';
CREATE INDEX IF NOT EXISTS payment_entries_user_id ON ${table('payment_entries')} (user_id, currency);

CREATE TABLE IF NOT EXISTS ${table('user_activity_logs')} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES ${table('users')} (id) ON DELETE CASCADE,
  kind text NOT NULL,
  payment_id uuid REFERENCES ${table('payments')} (id) ON DELETE CASCADE,
  booking_id text,
  amount bigint,
  currency text,
  happened_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ${table('user_activity_logs')} IS '${followsParent}';
CREATE INDEX IF NOT EXISTS user_activity_logs_user_id ON ${table('user_activity_logs')} (user_id, id DESC);
CREATE INDEX IF NOT EXISTS user_activity_logs_payment_id ON ${table('user_activity_logs')} (payment_id);

-- Entries are facts: one is never changed but for the user it belongs to, and goes only with its payment.
CREATE OR REPLACE FUNCTION ${fn('keep_entries')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.payment_id, NEW.kind, NEW.object, NEW.amount, NEW.currency) IS DISTINCT FROM
       (OLD.payment_id, OLD.kind, OLD.object, OLD.amount, OLD.currency) THEN
      RAISE EXCEPTION 'an entry of a payment is never changed; add the opposite one';
    END IF;
    RETURN NEW;
  END IF;
  IF EXISTS (SELECT FROM ${table('payments')} p WHERE p.id = OLD.payment_id) THEN
    RAISE EXCEPTION 'an entry of a payment is never deleted; add the opposite one';
  END IF;
  RETURN OLD;
END $fn$;
CREATE OR REPLACE TRIGGER drover_keep_entries BEFORE UPDATE OR DELETE ON ${table('payment_entries')}
  FOR EACH ROW EXECUTE FUNCTION ${fn('keep_entries')}();

CREATE OR REPLACE FUNCTION ${fn('fill_entry')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  SELECT p.user_id INTO NEW.user_id FROM ${table('payments')} p WHERE p.id = NEW.payment_id;
  RETURN NEW;
END $fn$;
CREATE OR REPLACE TRIGGER drover_fill_entry BEFORE INSERT ON ${table('payment_entries')}
  FOR EACH ROW EXECUTE FUNCTION ${fn('fill_entry')}();

-- The status of a payment follows from its entries; it is never set. Payments are locked in the order of their ids.
CREATE OR REPLACE FUNCTION ${fn('derive_status')}(p_ids uuid[]) RETURNS void LANGUAGE sql SET search_path = pg_catalog AS $fn$
  WITH locked AS (
    SELECT p.id FROM ${table('payments')} p WHERE p.id = ANY (p_ids) ORDER BY p.id FOR NO KEY UPDATE
  ), derived AS (
    SELECT l.id, CASE
      WHEN s.charged IS NULL THEN CASE WHEN p.failure_code IS NULL THEN 'pending' ELSE 'failed' END
      WHEN s.reversed AND s.charged <= 0 THEN 'failed'
      WHEN s.disputed < 0 THEN 'disputed'
      WHEN s.refunded < 0 AND s.charged + s.refunded <= 0 THEN 'refunded'
      WHEN s.refunded < 0 THEN 'partially_refunded'
      ELSE 'succeeded' END AS status
    FROM locked l JOIN ${table('payments')} p USING (id) LEFT JOIN LATERAL (
      SELECT sum(e.amount) FILTER (WHERE e.kind IN ('charge', 'charge_reversal', 'adjustment')) AS charged,
        bool_or(e.kind = 'charge_reversal') AS reversed,
        coalesce(sum(e.amount) FILTER (WHERE e.kind IN ('refund', 'refund_reversal')), 0) AS refunded,
        coalesce(sum(e.amount) FILTER (WHERE e.kind IN ('dispute', 'dispute_reversal')), 0) AS disputed
      FROM ${table('payment_entries')} e WHERE e.payment_id = l.id) s ON true
  )
  UPDATE ${table('payments')} p SET status = d.status FROM derived d WHERE p.id = d.id AND p.status IS DISTINCT FROM d.status
$fn$;

CREATE OR REPLACE FUNCTION ${fn('entries_added')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  -- A statement trigger also fires for no rows; triggers that call each other would never end.
  IF NOT EXISTS (SELECT FROM new_rows) THEN RETURN NULL; END IF;
  INSERT INTO ${table('user_activity_logs')} (user_id, kind, payment_id, booking_id, amount, currency, happened_at)
  SELECT n.user_id, 'payment_' || CASE n.kind WHEN 'charge' THEN 'completed' WHEN 'refund' THEN 'refunded' WHEN 'dispute' THEN 'disputed'
      ELSE n.kind END, n.payment_id, p.booking_id, n.amount, n.currency, n.happened_at
    FROM new_rows n JOIN ${table('payments')} p ON p.id = n.payment_id WHERE n.user_id IS NOT NULL
    ORDER BY n.happened_at, n.payment_id, n.kind, n.object;
  PERFORM ${fn('derive_status')}((SELECT array_agg(DISTINCT n.payment_id) FROM new_rows n));
  RETURN NULL;
END $fn$;
CREATE OR REPLACE TRIGGER drover_entries_added AFTER INSERT ON ${table('payment_entries')}
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('entries_added')}();

-- A payment of the history has one charge, of its own amount. Where the source is corrected and the migration run again, the
-- difference is another entry.
CREATE OR REPLACE FUNCTION ${fn('payments_added')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  INSERT INTO ${table('payment_entries')} (payment_id, kind, object, amount, currency, happened_at)
  SELECT n.id, 'charge', n.payment_reference, n.amount, n.currency, n.paid_at FROM new_rows n
  WHERE n.provider = 'migrated' AND n.charge_status = 'succeeded' ORDER BY n.id
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $fn$;
CREATE OR REPLACE TRIGGER drover_payments_added AFTER INSERT ON ${table('payments')}
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('payments_added')}();

CREATE OR REPLACE FUNCTION ${fn('payments_changed')}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  -- A transition table cannot be had for some columns only, and a change of the status comes back here.
  IF NOT EXISTS (SELECT FROM old_rows o JOIN new_rows n USING (id)
    WHERE (o.amount, o.currency, o.user_id, o.failure_code) IS DISTINCT FROM (n.amount, n.currency, n.user_id, n.failure_code)
      OR (o.status IS DISTINCT FROM n.status AND pg_trigger_depth() = 1)) THEN RETURN NULL; END IF;
  INSERT INTO ${table('payment_entries')} (payment_id, kind, object, amount, currency, happened_at)
  SELECT x.id, 'adjustment', gen_random_uuid()::text, x.amount, x.currency, now() FROM (
    SELECT o.id, o.currency, -o.amount AS amount FROM old_rows o JOIN new_rows n USING (id)
      WHERE n.provider = 'migrated' AND n.charge_status = 'succeeded' AND (o.amount, o.currency) IS DISTINCT FROM (n.amount, n.currency)
    UNION ALL
    SELECT n.id, n.currency, n.amount FROM old_rows o JOIN new_rows n USING (id)
      WHERE n.provider = 'migrated' AND n.charge_status = 'succeeded' AND (o.amount, o.currency) IS DISTINCT FROM (n.amount, n.currency)
  ) x ORDER BY x.id;
  UPDATE ${table('payment_entries')} e SET user_id = n.user_id FROM old_rows o JOIN new_rows n USING (id)
    WHERE e.payment_id = n.id AND o.user_id IS DISTINCT FROM n.user_id;
  PERFORM ${fn('derive_status')}((SELECT array_agg(n.id) FROM old_rows o JOIN new_rows n USING (id)
    WHERE o.failure_code IS DISTINCT FROM n.failure_code
      -- A status that somebody set by hand goes back to what the entries say.
      OR (o.status IS DISTINCT FROM n.status AND pg_trigger_depth() = 1)));
  RETURN NULL;
END $fn$;
CREATE OR REPLACE TRIGGER drover_payments_changed AFTER UPDATE ON ${table('payments')}
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ${fn('payments_changed')}();
`;
}
