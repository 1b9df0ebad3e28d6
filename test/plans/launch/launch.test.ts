import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunView } from '../../../src/contract/runs.ts';
import { generateLaunch } from '../../../src/sandbox/launch/generate.ts';
import { operator } from '../../helpers/drover.ts';
import { fingerprintOf, type Launch, startLaunch, sumsOf } from './launch-drover.ts';

// Long because its tests go on from one another: a whole business takes a while to load, and is loaded once.

// Whole runs of twelve entities, on a machine that may be doing something else.
vi.setConfig({ testTimeout: 120_000 });

const share = 0.02;
const catalogue = join(tmpdir(), `launch-catalogue-${process.pid}.json`);
let drover: Launch;
let first: RunView;

beforeAll(async () => {
  await copyFile(new URL('../../../docs/launch-catalogue.json', import.meta.url), catalogue);
  drover = await startLaunch(share, { LAUNCH_CATALOGUE: catalogue });
  first = await drover.run();
}, 120_000);
afterAll(() => drover.close());

const sums = (schema: string, by: string, amount: string, where?: string) => sumsOf(drover, schema, by, amount, where);
const image = (schema: string) => fingerprintOf(drover, schema);

test('a whole business arrives, and every record is where its data says', async () => {
  const { manifest } = drover;
  const { entities } = first;
  expect(first.balanced).toBe(true);
  expect(entities.xendit_transactions?.reconciled).toBe(manifest.sources.transactions);
  expect(entities.xendit_invoices?.reconciled).toBe(manifest.sources.invoices);
  expect(entities.systemeio_raw?.reconciled).toBe(manifest.sources.contacts);
  const verdicts = Object.values(manifest.sales.verdicts);
  const outcome = (name: string) => verdicts.filter((verdict) => verdict.outcome === name).length;
  expect(entities.transactions).toMatchObject({
    extracted: manifest.sales.records,
    rejected: outcome('rejected'),
    skipped: outcome('skipped'),
    reconciled: manifest.sales.records - verdicts.length,
  });
  expect(entities.manual_payments?.reconciled).toBe(manifest.manualPayments);
  expect(entities.users?.reconciled).toBe(manifest.users);
  expect(entities.unified_profiles?.reconciled).toBe(manifest.users);
  expect(entities.enrollments?.reconciled).toBe(manifest.users);
  expect(entities.affiliates).toMatchObject({
    reconciled: manifest.affiliates.loaded,
    rejected: manifest.affiliates.withoutProfile,
  });
  expect(entities.leads).toMatchObject({ reconciled: manifest.leads.people, rejected: manifest.leads.malformed });
});

test('every rejected or skipped sale is the one it should be', async () => {
  const { items } = await drover.control.records(first.id, { entity: 'transactions', limit: 500 });
  const others = items.filter(({ status }) => status !== 'reconciled');
  const found = Object.fromEntries(others.map(({ sourceId, status, code }) => [sourceId, { outcome: status, code }]));
  expect(found).toEqual(drover.manifest.sales.verdicts);
});

test('sums agree by status, by product, and by quarter', async () => {
  const { byStatus, revenue, byQuarter } = drover.manifest;
  expect(await sums('launch', 'status', 'amount')).toEqual(byStatus);
  const products = await sums('launch', 'transaction_type', 'revenue_amount', 'revenue_amount <> 0');
  expect(products).toEqual(revenue);
  const quarters = await sums(
    'launch',
    `fiscal_year || '-Q' || fiscal_quarter`,
    'revenue_amount',
    'revenue_amount <> 0',
  );
  expect(Object.fromEntries(Object.entries(quarters).map(([name, sum]) => [name, sum.minor]))).toEqual(byQuarter);
  expect(first.sums.every(({ source, target, unloaded }) => BigInt(source) === BigInt(target) + BigInt(unloaded))).toBe(
    true,
  );
});

test('what was paid for no product is a failure group with its rows and its sum', async () => {
  const groups = await drover.control.failures(first.id);
  const { unmatched, unmatchedRefunds } = drover.manifest;
  const group = groups.find(({ code }) => code === 'UNMATCHED_PRODUCT');
  expect(group).toMatchObject({ count: unmatched.ids.length, sums: [{ currency: 'PHP', minor: unmatched.minor }] });
  expect(unmatched.ids).toEqual(expect.arrayContaining([...(group?.examples ?? [])]));
  expect(groups.find(({ code }) => code === 'UNMATCHED_REFUND')?.sums).toEqual([
    { currency: 'PHP', minor: unmatchedRefunds.minor },
  ]);
});

test('a P2P buyer has account, profile and enrolment under one id; a Canva buyer has a transaction and nothing else', async () => {
  const orphans = await drover.value<string>(
    `SELECT count(*) FROM launch.users u WHERE NOT EXISTS (SELECT 1 FROM launch.unified_profiles p WHERE p.id = u.id AND p.email = u.email)
      OR NOT EXISTS (SELECT 1 FROM launch.enrollments e WHERE e.user_id = u.id)`,
  );
  expect(orphans).toBe('0');
  const canvaOnly = await drover.value<string>(
    `SELECT count(*) FROM launch.transactions t WHERE t.transaction_type = 'Canva' AND t.revenue_amount > 0 AND NOT EXISTS (
      SELECT 1 FROM launch.transactions p WHERE p.contact_email = t.contact_email AND p.transaction_type = 'P2P' AND p.revenue_amount > 0) AND t.user_id IS NOT NULL`,
  );
  expect(canvaOnly).toBe('0');
  expect(await drover.value<string>(`SELECT count(*) FROM launch.enrollments WHERE status = 'revoked'`)).toBe(
    String(drover.manifest.revoked),
  );
  const ring = await drover.rows(
    'SELECT p.affiliate_id = a.id AS closed FROM launch.affiliates a JOIN launch.unified_profiles p ON p.id = a.user_id',
  );
  expect(ring).toEqual(Array.from({ length: drover.manifest.affiliates.loaded }, () => ({ closed: true })));
  const keys = await drover.rows(
    `SELECT conrelid::regclass || ' > ' || confrelid::regclass AS key FROM pg_constraint
     WHERE contype = 'f' AND connamespace = 'launch'::regnamespace AND conrelid::regclass::text ~ 'affiliates|profiles'`,
  );
  expect(keys.map(({ key }) => key).sort()).toEqual([
    'launch.affiliates > launch.unified_profiles',
    'launch.unified_profiles > launch.affiliates',
    'launch.unified_profiles > launch.users',
  ]);
});

test('the raw tables keep what the upstreams said, whole', async () => {
  const id = drover.xendit.data.list('invoice')[0]?.id as string;
  const kept = await drover.value<object>('SELECT api_response FROM launch.xendit_raw WHERE xendit_id = $1', id);
  expect(kept).toEqual(drover.xendit.data.get('invoice', id));
});

test('validation holds: nothing red, and warnings name their rows', async () => {
  const { status, checks } = await drover.control.validate(first.id, operator);
  const broken = checks.filter(({ ok, severity }) => !ok && severity === 'error');
  // What was rejected is in no table; the balance of such a run is not what a rule judges.
  expect(broken.map(({ entity, name, rows }) => ({ entity, name, rows: rows.slice(0, 3) }))).toEqual([]);
  expect(status).toBe('green');
  expect(checks.find(({ name }) => name === 'p2p-has-an-account')).toMatchObject({ ok: false, severity: 'warning' });
});

test('the report tells revenue, funnel and what belongs to no product, three times the same', async () => {
  const names = (await drover.control.reports(first.id)).map(({ name }) => name);
  const read = async (ending: string): Promise<string> => {
    const name =
      names.find((one) => one.startsWith('launch_report_') && one.endsWith(ending)) ??
      `no launch report ${ending} in ${names}`;
    const { body } = await drover.control.report(first.id, name);
    if (typeof body === 'string') return body;
    let text = '';
    for await (const piece of body) text += piece;
    return text;
  };
  const json = JSON.parse(await read('.json'));
  const { revenue, unmatched, leads } = drover.manifest;
  const products = json.revenueByProduct.map((line: { of: { product: string }; minor: string }) => [
    line.of.product,
    line.minor,
  ]);
  expect(Object.fromEntries(products)).toEqual(
    Object.fromEntries(Object.entries(revenue).map(([name, sum]) => [name, sum.minor])),
  );
  expect(json.unmatched.rows.map((line: { of: { id: string } }) => line.of.id)).toEqual(unmatched.ids);
  expect(json.unmatched.totals).toEqual([{ currency: 'PHP', count: unmatched.ids.length, minor: unmatched.minor }]);
  const total = (step: 'leads' | 'customers') =>
    json.funnel.reduce((sum: number, line: Record<string, number>) => sum + (line[step] ?? 0), 0);
  expect([total('leads'), total('customers')]).toEqual([leads.people, leads.converted]);
  expect((await read('.csv')).split('\r\n').filter((line) => line.startsWith('unmatched,'))).toHaveLength(
    unmatched.ids.length,
  );
  expect(await read('.txt')).toContain(`Paid, and of no product: ${unmatched.ids.length} rows`);
});

test('a second run with nothing new writes nothing', async () => {
  const before = await image('launch');
  const changes = await drover.value<string>('SELECT count(*) FROM drover.changes');
  const run = await drover.run();
  expect(Object.values(run.entities).map(({ reconciled }) => reconciled)).toEqual(
    Object.values(run.entities).map(() => 0),
  );
  expect(await drover.value<string>('SELECT count(*) FROM drover.changes')).toBe(changes);
  expect(await image('launch')).toBe(before);
});

test('a trial predicts what a whole run rejects, and leaves the target as it was', async () => {
  const known = () =>
    drover.value<string>(
      `SELECT count(*) || md5(string_agg(i::text, '' ORDER BY entity, source_id)) FROM drover.identities i WHERE scope = 'launch/launch'`,
    );
  const before = [await image('launch'), await known()];
  const run = await drover.run({ trial: 60 });
  expect([await image('launch'), await known()]).toEqual(before);
  expect(run.derived).toEqual(Object.keys(first.entities).filter((name) => !/^(xendit|systemeio)_/.test(name)));
  const outside = Object.entries(run.trial?.perEntity ?? {}).flatMap(([entity, { low, high, judged }]) => {
    const { rejected = 0, extracted = 0 } = first.entities[entity] ?? {};
    const share = rejected / Math.max(1, extracted);
    return share < low || share > high ? [{ entity, share, low, high, judged }] : [];
  });
  expect(outside).toEqual([]);
  // A payment whose invoice is not in the trial is no sale of an unknown product.
  expect(run.trial?.perEntity.transactions).toMatchObject({ judged: expect.any(Number), unjudged: expect.any(Number) });
  expect(run.trial?.perEntity.transactions?.judged).toBeGreaterThan(30);
  expect(run.trial?.perEntity.transactions?.rejectRate).toBeLessThan(0.1);
  expect((await drover.control.failures(run.id)).filter(({ code }) => code === 'AFFILIATE_WITHOUT_PROFILE')).toEqual(
    [],
  );
});

test('an incremental run takes what changed: a settlement, a tag, and a payment that a manual one stood for', async () => {
  const [settled] = await drover.rows(
    `SELECT xendit_transaction_id AS id FROM launch.transactions WHERE status = 'PAID' AND xendit_transaction_id LIKE 'txn_%' LIMIT 1`,
  );
  const later = new Date(Date.now() + 1_000).toISOString();
  drover.xendit.data.modify('transaction', settled?.id as string, { settlement_status: 'SETTLED', updated: later });
  const [manual] = await drover.rows(
    `SELECT id, contact_email AS email FROM launch.transactions WHERE payment_method = 'manual' LIMIT 1`,
  );
  const model = drover.xendit.data.list('invoice').find(({ status }) => status === 'PAID');
  drover.xendit.data.insert('invoice', {
    ...model,
    id: 'feedfeedfeedfeedfeedfeed',
    external_id: 'late',
    payer_email: manual?.email,
    customer: undefined,
    description: 'Papers to Profits',
    created: later,
    updated: later,
    paid_at: later,
  });
  const prospect = await drover.value<string>(
    `SELECT systemeio_ids[1] FROM launch.leads WHERE classification = 'prospect' LIMIT 1`,
  );
  const tag = drover.systemeio.data.list('tag').find(({ name }) => name === 'PaidP2P');
  drover.systemeio.data.modify('contact', prospect, { tags: [tag] });

  const run = await drover.run({ strategy: 'incremental' });
  expect(run.entities.xendit_transactions?.extracted).toBeLessThan(drover.manifest.sources.transactions);
  expect(
    await drover.value('SELECT status FROM launch.transactions WHERE xendit_transaction_id = $1', settled?.id),
  ).toBe('SETTLED');
  expect(
    await drover.rows(
      'SELECT status, revenue_amount::int AS revenue FROM launch.transactions WHERE id = $1',
      manual?.id,
    ),
  ).toEqual([{ status: 'SUPERSEDED', revenue: 0 }]);
  expect(
    await drover.rows(
      'SELECT l.classification, t.amount::int AS amount FROM launch.leads l JOIN launch.transactions t ON t.contact_email = l.email WHERE $1 = ANY (l.systemeio_ids) AND t.payment_method = $2',
      prospect,
      'manual',
    ),
  ).toEqual([{ classification: 'customer', amount: 800 }]);
  const { checks } = await drover.control.validate(run.id, operator);
  expect(checks.filter(({ ok, severity }) => !ok && severity === 'error').map(({ name }) => name)).toEqual([]);
});

test('a product added to the catalogue takes its sales out of the failure group', async () => {
  const known = JSON.parse(await readFile(catalogue, 'utf8'));
  const other = {
    code: 'services',
    name: 'Services',
    transactionType: 'Other',
    price: '250.00',
    match: { descriptionContains: ['consultation', 'workshop', 'zine'] },
    buyerGets: [],
  };
  await writeFile(catalogue, JSON.stringify({ ...known, products: [...known.products, other] }));
  const group = (await drover.control.failures(first.id)).find(({ code }) => code === 'UNMATCHED_PRODUCT');
  await drover.control.replay(first.id, group?.group ?? '', 'the catalogue knows them now', operator);
  await drover.settled(first.id);
  const left = (await drover.control.failures(first.id)).find(({ code }) => code === 'UNMATCHED_PRODUCT')?.count ?? 0;
  const named = drover.xendit.data
    .list('invoice')
    .filter(
      ({ id, description }) => drover.manifest.unmatched.ids.includes(String(id)) && String(description ?? '') !== '',
    );
  expect(left).toBe(drover.manifest.unmatched.ids.length - named.length);
  expect(
    await drover.value<string>(
      `SELECT count(*) FROM launch.transactions WHERE product_type = 'services' AND revenue_amount > 0`,
    ),
  ).toBe(String(named.length));
});

test('the legacy files give the same business, and existing accounts keep their ids', async () => {
  const { csv, manifest } = generateLaunch({ seed: 7, share, dirt: 1 });
  await mkdir(drover.exportDir, { recursive: true });
  await writeFile(join(drover.exportDir, 'xendit.csv'), csv.xendit);
  await writeFile(join(drover.exportDir, 'systemeio.csv'), csv.systemeio);
  const known = 'a1b2c3d4-0000-4000-8000-000000000001';
  const email = await drover.value<string>(`SELECT email FROM launch.users ORDER BY email LIMIT 1`);
  await drover.rows('CREATE SCHEMA auth');
  await drover.rows('CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, created_at timestamptz DEFAULT now())');
  await drover.rows(
    'INSERT INTO auth.users VALUES ($1, $2), ($3, $4)',
    known,
    email.toUpperCase(),
    known.replace(/1$/, '2'),
    'tester@example.com',
  );
  const run = await drover.run({ targetSchema: 'from_files', params: { skipExport: true } });
  expect(run.balanced).toBe(true);
  const { PAID, SETTLED, EXPIRED, UNPAID } = manifest.byStatus;
  const paid = await sums(
    'from_files',
    'status',
    'amount',
    `(product_type IS DISTINCT FROM 'services' OR revenue_amount = 0)`,
  );
  expect(paid).toEqual({ PAID, SETTLED, EXPIRED, UNPAID });
  expect(run.entities.users?.reconciled).toBe(manifest.users);
  expect(run.entities.leads?.reconciled).toBe(manifest.leads.people);
  expect(
    await drover.rows(
      'SELECT u.id, p.id = u.id AS same FROM from_files.users u JOIN from_files.unified_profiles p ON p.email = u.email WHERE u.email = $1',
      email,
    ),
  ).toEqual([{ id: known, same: true }]);
  expect(await drover.value<string>(`SELECT count(*) FROM from_files.users WHERE email = 'tester@example.com'`)).toBe(
    '0',
  );
});
