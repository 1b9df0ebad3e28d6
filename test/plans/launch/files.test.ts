import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Drover, startDrover } from '../../helpers/drover.ts';

// What people's spreadsheets make of the legacy exports. Each is read as it was meant, or refused by name; none is green with
// something left out.

let drover: Drover;
let runs = 0;

beforeAll(async () => {
  drover = await startDrover('launch', {});
  await mkdir(drover.exportDir, { recursive: true });
});
afterAll(() => drover.close());

const saleColumns = [
  ...['Invoice ID', 'External ID', 'Status', 'Amount', 'Currency', 'Customer Email', 'Email', 'Description'],
  ...['Created Timestamp', 'Paid Timestamp', 'Timezone'],
];
const contactColumns = ['Email', 'First name', 'Last name', 'Tag', 'Date Registered'];

interface Sale {
  readonly id: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly email?: string;
  readonly paid?: string;
}

const saleLine = ({
  id,
  amount = '1000',
  currency = 'PHP',
  email = 'nia@shop.example',
  paid = '2024-04-02 10:00:00',
}: Sale) => [
  ...[id, `ext-${id}`, 'PAID', amount, currency, email, email, 'Papers to Profits'],
  ...['2024-03-30 10:00:00', paid, '+0000'],
];
const aContact = ['tom@shop.example', 'Tom', 'Ash', 'webinar', '2024-01-08 05:00:00 (UTC+1)'];

const csvOf = (header: readonly string[], lines: readonly (readonly string[])[], delimiter = ',') =>
  [header, ...lines].map((cells) => cells.map((cell) => `"${cell}"`).join(delimiter)).join('\r\n');

async function runFiles(xendit: string, systemeio: string = csvOf(contactColumns, [aContact])) {
  await writeFile(join(drover.exportDir, 'xendit.csv'), xendit);
  await writeFile(join(drover.exportDir, 'systemeio.csv'), systemeio);
  runs += 1;
  const schema = `files_${runs}`;
  const run = await drover.run({ targetSchema: schema, strategy: 'full', params: { skipExport: true } });
  const transactions = () =>
    drover.rows(
      `SELECT xendit_invoice_id AS id, amount::text, fiscal_quarter AS quarter FROM ${schema}.transactions ORDER BY 1`,
    );
  const outcomes = async (entity: string) => {
    const rows = await drover.rows(
      'SELECT source_id AS id, coalesce(code, status) AS outcome FROM drover.records WHERE run_id = $1 AND entity = $2',
      run.id,
      entity,
    );
    return Object.fromEntries(rows.map(({ id, outcome }) => [id, outcome]));
  };
  return { run, schema, transactions, outcomes };
}

test.each([
  ['in lower case', (name: string) => name.toLowerCase()],
  ['in capitals', (name: string) => name.toUpperCase()],
  ['with blanks at the end', (name: string) => `${name}  `],
  ['with underscores', (name: string) => name.replaceAll(' ', '_')],
  ['with no-break spaces', (name: string) => name.replaceAll(' ', '\u00a0')],
])('a header %s is the same header', async (_how, spell) => {
  const header = saleColumns.map(spell);
  const { run, transactions } = await runFiles(
    csvOf(header, [saleLine({ id: 'i1' })]),
    csvOf(contactColumns.map(spell), [aContact]),
  );
  expect(await transactions()).toEqual([{ id: 'i1', amount: '1000.0000', quarter: 2 }]);
  expect(run.entities.systemeio_raw?.reconciled).toBe(1);
});

test.each([
  ['Paid Timestamp', 'Payment Time'],
  ['Amount', 'Total'],
  ['Currency', 'Curr'],
])('a sales file without the column %s is refused whole, and what was found is named', async (column, other) => {
  const header = saleColumns.map((name) => (name === column ? other : name));
  const { run, transactions } = await runFiles(csvOf(header, [saleLine({ id: 'i1' })]));
  expect(run.status).toBe('failed');
  expect(run.reason).toContain(`lacks "${column}"`);
  expect(run.reason).toContain(`"${other}"`);
  expect(await transactions().catch(() => [])).toEqual([]);
});

test('a contacts file with Tags for Tag is refused whole', async () => {
  const header = contactColumns.map((name) => (name === 'Tag' ? 'Tags' : name));
  const { run } = await runFiles(csvOf(saleColumns, [saleLine({ id: 'i1' })]), csvOf(header, [aContact]));
  expect(run.status).toBe('failed');
  expect(run.reason).toContain('lacks "Tag"');
});

test('a date that is there and cannot be read is a reject, and moves no sale into another quarter', async () => {
  const { run, transactions, outcomes } = await runFiles(
    csvOf(saleColumns, [
      saleLine({ id: 'i1', paid: '02-Apr-2024 10:00' }),
      saleLine({ id: 'i2', paid: '4/2/2024 10:00', email: 'bo@shop.example' }),
      saleLine({ id: 'i3', paid: '2024-04-02 10:00:00', email: 'cy@shop.example' }),
    ]),
    csvOf(contactColumns, [aContact, ['eva@shop.example', 'Eva', 'Lim', 'Affiliate', '25-Dec-23']]),
  );
  expect(await outcomes('xendit_invoices')).toEqual({ i1: 'BAD_DATE', i2: 'BAD_DATE', i3: 'reconciled' });
  expect(Object.values(await outcomes('systemeio_raw')).sort()).toEqual(['BAD_DATE', 'reconciled']);
  expect(await transactions()).toEqual([{ id: 'i3', amount: '1000.0000', quarter: 2 }]);
  expect(run.status).toBe('completed_with_failures');
});

test('an amount with more decimals than its currency, or with a decimal comma, is BAD_AMOUNT, and the run ends', async () => {
  const { run, transactions, outcomes } = await runFiles(
    csvOf(saleColumns, [
      saleLine({ id: 'i1', amount: '1.000' }),
      saleLine({ id: 'i2', amount: '150.000', currency: 'IDR', email: 'b@shop.example' }),
      saleLine({ id: 'i3', amount: '1000,50', email: 'c@shop.example' }),
      saleLine({ id: 'i4', amount: '1,000.50', email: 'd@shop.example' }),
      saleLine({ id: 'i5', currency: '', email: 'e@shop.example' }),
    ]),
  );
  expect(await outcomes('transactions')).toEqual({
    ...{ i1: 'BAD_AMOUNT', i2: 'BAD_AMOUNT', i3: 'BAD_AMOUNT', i4: 'reconciled', i5: 'UNKNOWN_CURRENCY' },
  });
  expect(await transactions()).toEqual([{ id: 'i4', amount: '1000.5000', quarter: 2 }]);
  expect(run.status).toBe('completed_with_failures');
  const names = (await drover.control.reports(run.id)).map(({ name }) => name);
  const name = names.find((one) => /^launch_report.*\.txt$/.test(one)) ?? '';
  const { body } = await drover.control.report(run.id, name);
  let text = '';
  for await (const piece of body) text += piece;
  expect(text).toContain('unknown');
});

test('one address in two Unicode forms is one person, with one payment', async () => {
  const delimiter = ';';
  const sales = csvOf(saleColumns, [saleLine({ id: 'i1', email: 'jose\u0301@shop.example' })], delimiter);
  const contacts = csvOf(
    contactColumns,
    [['josé@shop.example', 'Jose', 'Paz', 'PaidP2P', '2024-01-08 05:00:00 (UTC+1)']],
    delimiter,
  );
  const { schema, transactions } = await runFiles(`\ufeff${sales}`, `\ufeffsep=;\r\n${contacts}`);
  expect(await drover.rows(`SELECT email FROM ${schema}.users`)).toEqual([{ email: 'josé@shop.example' }]);
  expect(await transactions()).toHaveLength(1);
});

test('an account keeps its id whichever spelling of its domain either side has, of buyers by sale and by tag', async () => {
  await drover.rows('CREATE SCHEMA IF NOT EXISTS auth');
  await drover.rows('CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, created_at timestamptz DEFAULT now())');
  const id = (n: number) => `a1b2c3d4-0000-4000-8000-00000000000${n}`;
  const accounts = [
    'Nia@B\u00fccher.example',
    'eva@xn--bcher-kva.example',
    ' Ana\u200b@B\u00dcCHER.example',
    'bo@fass.example',
  ];
  for (const [n, email] of accounts.entries())
    await drover.rows('INSERT INTO auth.users VALUES ($1, $2)', id(n), email);
  const paidP2p = (email: string) => [email, 'E', 'L', 'PaidP2P', '2024-01-08 05:00:00 (UTC+1)'];
  const { schema } = await runFiles(
    csvOf(saleColumns, [
      saleLine({ id: 'i1', email: 'nia@b\u00fccher.example' }),
      saleLine({ id: 'i2', email: 'bo@xn--fa-hia.example' }),
    ]),
    csvOf(contactColumns, [paidP2p('eva@b\u00fccher.example'), paidP2p('ana@xn--bcher-kva.example')]),
  );
  try {
    const rows = await drover.rows(`SELECT email, id FROM ${schema}.users ORDER BY email`);
    const found = Object.fromEntries(rows.map((row) => [row.email, row.id]));
    expect(found).toEqual({
      'ana@xn--bcher-kva.example': id(2),
      // The domain fa\u00df.example has another owner than fass.example.
      'bo@xn--fa-hia.example': expect.not.stringMatching(id(3)),
      'eva@xn--bcher-kva.example': id(1),
      'nia@xn--bcher-kva.example': id(0),
    });
  } finally {
    await drover.rows('DROP SCHEMA auth CASCADE');
  }
});

test('a failure group of several causes says how many records have which', async () => {
  const currencies = ['', '', '', 'XXZ', '$', 'BTC'];
  const lines = currencies.map((currency, index) => saleLine({ id: `c${index}`, currency }));
  const { run } = await runFiles(csvOf(saleColumns, lines));
  const groups = await drover.control.failures(run.id);
  const missing = { message: 'the currency is missing', count: 3 };
  const wrong = { message: 'the currency cannot be read: it is none of ISO 4217', count: 3 };
  expect(groups.filter(({ entity }) => entity === 'transactions')).toMatchObject([
    {
      ...{ code: 'UNKNOWN_CURRENCY', field: 'currency', count: 6, variants: [wrong, missing] },
      message: `3: ${wrong.message}; 3: ${missing.message}`,
    },
  ]);
});
