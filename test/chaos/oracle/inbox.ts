import type { StripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';
import type { SupabaseSandbox } from '../../../src/sandbox/supabase/sandbox.ts';
import type { Probe } from '../probe.ts';
import { combineFindings, describeItems, type Finding, groupBy } from './finding.ts';

interface Account {
  readonly stripe: StripeSandbox;
  readonly supabase: SupabaseSandbox;
}

type Fields = Readonly<Record<string, unknown>>;

/** What came of the events of an account, by what Stripe knows of them and plain SQL. */
export async function checkInbox(account: Account, probe: Probe): Promise<Finding> {
  const events = account.stripe.data.all('event');
  return combineFindings([await checkStored(events, probe), await checkApplied(account, events, probe)]);
}

/** Every event once, by the id in its body and not by the key it is kept under; all applied. */
async function checkStored(events: readonly Fields[], probe: Probe): Promise<Finding> {
  const rows = await probe.query<{ id: string; n: number; states: string }>(
    `SELECT payload->>'id' AS id, count(*)::int AS n, string_agg(DISTINCT concat_ws(' ', state, code), ', ') AS states
     FROM drover.inbox GROUP BY 1`,
  );
  const stored = new Map(rows.map((row) => [row.id, row]));
  const known = new Set(events.map(({ id }) => String(id)));
  const missing = [...known].filter((id) => !stored.has(id));
  const strange = rows.filter(({ id }) => !known.has(id)).map(({ id }) => id);
  const twice = rows.filter(({ n }) => n > 1).map(({ id, n }) => `${id} ${n} times`);
  const open = rows.filter(({ states }) => states !== 'applied').map(({ id, states }) => `${id} ${states}`);
  return {
    lost: missing.length,
    doubled: twice.length,
    problems: [
      ...describeItems('events that were not stored', missing),
      ...describeItems('events that Stripe never sent', strange),
      ...describeItems('events that were stored more than once', twice),
      ...describeItems('events that were not applied', open),
    ],
  };
}

interface Observed {
  readonly id: string;
  readonly events: number;
  readonly state: Fields | null;
  readonly differs: readonly string[];
}

/** Each event counts once for its product; and whatever came last, what is kept is what Stripe holds now. */
async function checkApplied(account: Account, events: readonly Fields[], probe: Probe): Promise<Finding> {
  const rows = await probe.query<Observed>(`SELECT object_id AS id, events, state, differs FROM drover.observations`);
  const told = groupBy(events, productOf);
  const counts = new Map(rows.map(({ id, events: n }) => [id, n]));
  const fewer = [...told].filter(([id, all]) => (counts.get(id) ?? 0) < all.length).map(([id]) => id);
  const more = [...told].filter(([id, all]) => (counts.get(id) ?? 0) > all.length).map(([id]) => id);
  const stale = rows.filter((row) => !isCurrent(account, row)).map(({ id }) => id);
  return {
    lost: fewer.length,
    doubled: more.length,
    problems: [
      ...describeItems('products for which fewer events were applied than happened', fewer),
      ...describeItems('products for which more events were applied than happened', more),
      ...describeItems('products of which something else is kept than Stripe holds', stale),
    ],
  };
}

function productOf({ data }: Fields): string {
  const { object } = data as { object: Fields };
  return String(object.object === 'price' ? object.product : object.id);
}

/** Moved as its row said, so it differs in what was changed since and in nothing else. */
function isCurrent({ stripe, supabase }: Account, { id, state, differs }: Observed): boolean {
  const product = stripe.data.get('product', id);
  const row = supabase.data.get('products', id.replace('cms_', ''));
  const wanted = ['name', 'active'].filter((field) => product?.[field] !== row?.[field]);
  return (
    state?.name === product?.name &&
    state?.active === product?.active &&
    state?.default_price === product?.default_price &&
    JSON.stringify([...differs].sort()) === JSON.stringify(wanted.sort())
  );
}
