import type pg from 'pg';
import type { Client } from '../../src/cli/client.ts';
import type { StatisticsCheck } from '../../src/contract/bookings.ts';
import type { Page, RecordView } from '../../src/contract/runs.ts';
import type { BookingsSandbox } from '../../src/sandbox/bookings/sandbox.ts';
import type { WebhookDay } from './webhook-day.ts';

// Checks of the bookings demo. The SQL and the sums here are written without the service's own.

/** What was checked, in words, and what of it is wrong. */
export interface Finding {
  readonly checked: string;
  readonly problems: readonly string[];
}

export interface Checked {
  readonly client: pg.Client;
  readonly api: Client;
  /** Quoted. */
  readonly schema: string;
  readonly sandbox: BookingsSandbox;
}

const compare = (name: string, found: unknown, wanted: unknown): string[] =>
  String(found) === String(wanted) ? [] : [`${name}: ${found}, ${wanted} expected`];

/** What differs of two maps; at most five by name. */
function differences<T>(what: string, found: ReadonlyMap<string, T>, wanted: ReadonlyMap<string, T>): string[] {
  const keys = [...new Set([...found.keys(), ...wanted.keys()])].filter((key) => found.get(key) !== wanted.get(key));
  const named = keys.slice(0, 5).map((key) => `${what} ${key}: ${found.get(key)}, ${wanted.get(key)} expected`);
  return keys.length > 5 ? [...named, `${what}: ${keys.length} differ in all`] : named;
}

/** Users, notes and payments of a finished run against the manifest. */
export async function checkRecords({ client, api, schema, sandbox }: Checked, runId: string): Promise<Finding> {
  const { manifest, people } = sandbox;
  const users = await client.query<{ email: string }>(`SELECT email FROM ${schema}.users`);
  const { rows } = await client.query<{ n: number; sum: string; lonely: number }>(
    `SELECT count(*)::int AS n, coalesce(sum(amount), 0)::text AS sum, count(*) FILTER (WHERE user_id IS NULL)::int AS lonely FROM ${schema}.payments`,
  );
  const notes = await client.query(`SELECT DISTINCT user_id FROM ${schema}.user_notes`);
  const refused = new Map([...(await codesOf(api, runId, 'users')), ...(await codesOf(api, runId, 'payments'))]);
  const wanted = new Map<string, string>();
  const reasons = { noAddress: 'NO_EMAIL', badAddress: 'BAD_EMAIL', badContact: 'BAD_CONTACT' } as const;
  for (const [reason, code] of Object.entries(reasons))
    for (const id of manifest.unusable[reason as keyof typeof reasons]) wanted.set(`users booking:${id}`, code);
  for (const id of manifest.refused.noAmount) wanted.set(`payments ${id}`, 'NO_AMOUNT');
  for (const id of manifest.refused.unknownStatus) wanted.set(`payments ${id}`, 'UNKNOWN_STATUS');
  const ones = (keys: Iterable<string>) => new Map([...keys].map((key) => [key, true] as const));
  return {
    checked: `${manifest.users} users by address, ${manifest.usersWithDiscardedValues} notes, ${manifest.payments.count} payments and their sum, ${wanted.size} refused bookings by id and reason`,
    problems: [
      ...differences('user', ones(users.rows.map(({ email }) => email)), ones(people.keys())),
      ...compare('users with a note', notes.rowCount, manifest.usersWithDiscardedValues),
      ...compare('payments', rows[0]?.n, manifest.payments.count),
      ...compare('sum of payments', rows[0]?.sum, manifest.payments.sum),
      ...compare('payments without a user', rows[0]?.lonely, manifest.payments.withoutUser),
      ...differences('refused', refused, wanted),
    ],
  };
}

async function codesOf(api: Client, runId: string, entity: string): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<RecordView> = await api.get(`/runs/${runId}/records`, {
      entity,
      status: 'rejected',
      cursor,
      limit: 500,
    });
    found.push(...page.items.map(({ sourceId, code }) => [`${entity} ${sourceId}`, String(code)] as const));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** Every row of the live table against the one it names, as the writer knows it. */
export async function checkLink({ client, schema, sandbox }: Checked): Promise<Finding> {
  const { rows } = await client.query<{ id: string; email: string | null }>(
    `SELECT b.id::text AS id, u.email FROM ${sandbox.table} b LEFT JOIN ${schema}.users u ON u.id = b.user_id`,
  );
  const found = new Map(rows.map(({ id, email }) => [id, email]));
  return {
    checked: `${rows.length} rows of the live table point at the one they name, or at no one`,
    problems: differences('row', found, sandbox.named),
  };
}

/** Payments and their money against what the day's events ask for. */
export async function checkDay({ client, schema }: Checked, day: WebhookDay): Promise<Finding> {
  const { rows } = await client.query<{ intent: string; status: string; net: string; email: string | null }>(
    `SELECT p.provider_payment_id AS intent, p.status, (SELECT coalesce(sum(e.amount), 0)::text FROM ${schema}.payment_entries e
       WHERE e.payment_id = p.id AND NOT (p.provider = 'migrated' AND e.kind = 'charge')) AS net, u.email
     FROM ${schema}.payments p LEFT JOIN ${schema}.users u ON u.id = p.user_id WHERE p.provider_payment_id IS NOT NULL`,
  );
  const text = (status: string, net: number | string, email: string | null) => `${status}, ${net} net, of ${email}`;
  const found = new Map(rows.map(({ intent, status, net, email }) => [intent, text(status, net, email)]));
  const wanted = new Map(day.expected.map(({ intent, status, net, email }) => [intent, text(status, net, email)]));
  return {
    checked: `${wanted.size} payments of the day have the status, money and user that their events ask for, ${day.strangers.length} of another application left nothing`,
    problems: differences('payment', found, wanted),
  };
}

/** Kept statistics against the rows and against the sandbox, and the service's own check. */
export async function checkSums(
  { client, api, schema, sandbox }: Checked,
  targetSchema: string,
  day: WebhookDay,
): Promise<Finding> {
  const own = await api.get<StatisticsCheck>('/bookings/statistics/check', { targetSchema });
  const kept = await mapOf(
    client,
    `SELECT u.email AS key, sum(s.bookings) || ' bookings, ' || sum(s.spent) || ' spent' AS value
     FROM ${schema}.users u JOIN ${schema}.user_statistics s ON s.user_id = u.id GROUP BY 1 HAVING sum(s.bookings) <> 0 OR sum(s.spent) <> 0`,
  );
  const recomputed = await mapOf(
    client,
    `SELECT u.email AS key, coalesce(b.n, 0) || ' bookings, ' || coalesce(p.spent, 0) || ' spent' AS value FROM ${schema}.users u
     LEFT JOIN (SELECT user_id, count(*) AS n FROM ${sandbox.table} GROUP BY 1) b ON b.user_id = u.id
     LEFT JOIN (SELECT user_id, sum(CASE WHEN net > 0 THEN net ELSE 0 END) AS spent FROM (
       SELECT q.id, q.user_id, sum(e.amount) AS net FROM ${schema}.payments q JOIN ${schema}.payment_entries e ON e.payment_id = q.id GROUP BY 1, 2) x
       GROUP BY 1) p ON p.user_id = u.id
     WHERE coalesce(b.n, 0) <> 0 OR coalesce(p.spent, 0) <> 0`,
  );
  const known = totalsOf(sandbox, day);
  return {
    checked: `bookings and money spent of ${kept.size} users: kept, recomputed by other SQL, and by the sandbox; and the service's own check of ${own.users} users`,
    problems: [
      ...compare('differences by the service', own.differences.length, 0),
      ...differences('statistics of', kept, recomputed),
      ...differences('statistics and the sandbox of', kept, known),
    ],
  };
}

async function mapOf(client: pg.Client, text: string): Promise<Map<string, string>> {
  const { rows } = await client.query<{ key: string; value: string }>(text);
  return new Map(rows.map(({ key, value }) => [key, value]));
}

/** What the sandbox says of each person: rows that name them now, what was paid when the table was made, and the day's events. */
function totalsOf({ people, named }: BookingsSandbox, day: WebhookDay): Map<string, string> {
  const totals = new Map<string, { bookings: number; spent: bigint }>();
  const of = (email: string) => {
    const known = totals.get(email) ?? { bookings: 0, spent: 0n };
    totals.set(email, known);
    return known;
  };
  for (const email of named.values()) if (email !== null) of(email).bookings += 1;
  for (const [email, { paid }] of people) of(email).spent += paid;
  for (const { email, net } of day.expected) of(email).spent += BigInt(net);
  return new Map(
    [...totals].flatMap(([email, { bookings, spent }]) =>
      bookings === 0 && spent === 0n ? [] : [[email, `${bookings} bookings, ${spent} spent`] as const],
    ),
  );
}
