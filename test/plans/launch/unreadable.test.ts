import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/plan/json.ts';
import { systemeioRaw } from '../../../src/plans/launch/entities/systemeio.ts';
import { xenditInvoices } from '../../../src/plans/launch/entities/xendit.ts';
import { type Launch, startLaunch } from './launch-drover.ts';

// A value that is there and cannot be read is not absent: it is refused or noted, and nothing else takes its place.

const context = { sourceId: 'r1', params: {} };
const invoice = {
  ...{ id: 'r1', external_id: 'ext-1', status: 'PAID', amount: 1000, currency: 'PHP', payer_email: 'nia@shop.example' },
  ...{ description: 'Papers to Profits', created: '2024-04-01T00:00:00Z', paid_at: '2024-04-02T00:00:00Z' },
};
const line = {
  ...{ 'Invoice ID': 'r1', 'External ID': 'ext-1', Status: 'PAID', Amount: '1000', Currency: 'PHP', Timezone: '+0000' },
  ...{ Email: 'nia@shop.example', 'Customer Email': 'tom@shop.example', Description: 'Papers to Profits' },
  ...{ 'Created Timestamp': '2024-04-01 00:00:00', 'Paid Timestamp': '2024-04-02 00:00:00' },
};
const contact = { id: 1, email: 'nia@shop.example', registeredAt: '2024-01-01T00:00:00Z', tags: [{ name: 'webinar' }] };

test.each([
  [
    'a pesos amount of dollars',
    { ...line, Amount: 'PHP 1000', Currency: 'USD' },
    { amount: null },
    'BAD_AMOUNT: amount',
  ],
  ['a peso sign of dollars', { ...line, Amount: '₱1000', Currency: 'USD' }, { amount: null }, 'BAD_AMOUNT: amount'],
  ['an amount in words', { ...line, Amount: 'a thousand' }, { amount: null }, 'BAD_AMOUNT: amount'],
  ['an amount that is an object', { ...invoice, amount: { value: 1000 } }, { amount: null }, 'BAD_AMOUNT: amount'],
  ['a currency that is none', { ...invoice, currency: 'XXZ' }, { currency: null }, 'UNKNOWN_CURRENCY: currency'],
  ['an address before a good one', { ...line, Email: 'nia at shop' }, { payer_email: null }, 'BAD_EMAIL: payer_email'],
  [
    'an address alone',
    { ...line, Email: '', 'Customer Email': 'tom@' },
    { payer_email: null },
    'BAD_EMAIL: payer_email',
  ],
  [
    'an address of the API',
    { ...invoice, payer_email: 'nia,x', customer: { email: 'tom@shop.example' } },
    { payer_email: null },
    'BAD_EMAIL: payer_email',
  ],
  ['a description that is a list', { ...invoice, description: ['x'] }, { description: null }, 'BAD_TEXT: description'],
  ['a customer that is text', { ...invoice, customer: 'Nia' }, { payer_name: null }, 'BAD_TEXT: customer'],
])('%s is noted with its code', (_what, raw, row, note) => {
  const outcome = xenditInvoices.transform(raw as JsonObject, context);
  expect(outcome).toMatchObject({ kind: 'row', row, notes: [`${note} cannot be read`] });
});

test.each([
  ['an invoice', xenditInvoices, invoice],
  ['a line', xenditInvoices, line],
  ['pesos that say so', xenditInvoices, { ...line, Amount: 'PHP 1,000.00' }],
  ['a customer email for want of another', xenditInvoices, { ...line, Email: ' ' }],
  ['a contact', systemeioRaw, contact],
  ['a contact without tags', systemeioRaw, { ...contact, tags: null }],
])('%s that can be read has no note', (_what, entity, raw) => {
  expect(entity.transform(raw as JsonObject, context)).toMatchObject({ kind: 'row', notes: [] });
});

test.each([
  ['unsubscribed', 'true', { unsubscribed: true }],
  ['bounced', 1, { bounced: true }],
  ['bounced', 'no', { bounced: false }],
  ['needsConfirmation', 'YES', { needs_confirmation: true }],
])('%s: %j is read', (field, value, row) => {
  expect(systemeioRaw.transform({ ...contact, [field]: value }, context)).toMatchObject({ kind: 'row', row });
});

test.each([
  ['unsubscribed', 'perhaps', 'BAD_FLAG'],
  ['bounced', {}, 'BAD_FLAG'],
  ['tags', 'webinar, vip', 'BAD_TAGS'],
  ['tags', [{ id: 7 }], 'BAD_TAGS'],
  ['registeredAt', { date: '2024-01-01' }, 'BAD_DATE'],
])('a contact with %s: %j is refused', (field, value, code) => {
  const outcome = systemeioRaw.transform({ ...contact, [field]: value } as JsonObject, context);
  expect(outcome).toMatchObject({ kind: 'reject', code, field, message: expect.stringContaining('cannot be read') });
});

// Inputs of the kinds of public bug reports about exports and imports of payments: securo-finance/securo#665 (thousands read as
// decimals, rows with a currency dropped), medusajs/medusa#12797 (6,95 becomes 6), pretix/pretix#1394 (an apostrophe before
// amounts), Automattic/woocommerce-payments#7947 (yen by the hundred), actualbudget/actual#5020 (-110.7 becomes -1,107).
test.each([
  ['25,000', 'PHP', '25000'],
  ['₱25,000.00', 'PHP', '25000'],
  ['NGN 2,300.50', 'NGN', null],
  ['6,95', 'EUR', null],
  ["'75.63", 'PHP', null],
  ['5,550', 'JPY', '5550'],
  ['55.50', 'JPY', null],
  ['110.7', 'EUR', '110.7'],
  ['110.7 €', 'EUR', null],
  ['1 234.50', 'PHP', null],
  ["1'234.50", 'CHF', null],
  ['1,23,456.00', 'INR', null],
  ['(75.63)', 'PHP', null],
  ['1e3', 'PHP', null],
])('an amount of %s %s is read, or said to be unreadable', (amount, currency, read) => {
  const outcome = xenditInvoices.transform({ ...line, Amount: amount, Currency: currency }, context);
  const notes = read === null ? ['BAD_AMOUNT: amount cannot be read'] : [];
  expect(outcome).toMatchObject({ kind: 'row', row: { amount: read, currency }, notes });
});

test.each([
  ['09/01/2024 10:00:00', '+0000'],
  ['45292.5', '+0000'],
  ['2024-04-02 10:00:00', "'+0800"],
  ['2024-04-02 10:00:00', 'Manila'],
])('a day of %s %s, which a spreadsheet made, is refused', (paid, zone) => {
  const outcome = xenditInvoices.transform({ ...line, 'Paid Timestamp': paid, Timezone: zone }, context);
  expect(outcome).toMatchObject({ kind: 'reject', code: 'BAD_DATE' });
});

let launch: Launch;
beforeAll(async () => {
  launch = await startLaunch(0.01);
});
afterAll(() => launch.close());

test('a payment with an unreadable amount or currency is not counted with what its invoice says', async () => {
  const paid = { ...invoice, customer: null, updated: '2024-04-02T00:00:00Z', expiry_date: '2024-05-01T00:00:00Z' };
  const payment = {
    ...{ type: 'PAYMENT', status: 'SUCCESS', channel_code: 'GCASH', created: '2024-04-02T00:00:00.000Z' },
    ...{ updated: '2024-04-02T00:00:00.000Z', amount: 900, currency: 'PHP' },
  };
  const cases: Record<string, JsonObject> = {
    words: { amount: 'nine hundred' },
    coin: { currency: 'XXZ' },
    absent: { amount: null },
    good: {},
  };
  for (const [name, fault] of Object.entries(cases)) {
    const id = `inv-${name}`;
    launch.xendit.data.insert('invoice', { ...paid, id, external_id: `ext-${name}` });
    const own = { id: `txn-${name}`, product_id: id, reference_id: `ext-${name}`, product_data: null };
    launch.xendit.data.insert('transaction', { ...payment, ...own, ...fault });
  }
  const run = await launch.run({ targetSchema: 'unreadable', strategy: 'full' });
  const records = await launch.rows(
    `SELECT source_id AS id, coalesce(code, status) AS outcome, message FROM drover.records
     WHERE run_id = $1 AND entity = 'transactions' AND source_id LIKE 'inv-%' ORDER BY 1`,
    run.id,
  );
  expect(records).toEqual([
    { id: 'inv-absent', outcome: 'reconciled', message: null },
    { id: 'inv-coin', outcome: 'UNKNOWN_CURRENCY', message: expect.stringContaining('cannot be read') },
    { id: 'inv-good', outcome: 'reconciled', message: null },
    { id: 'inv-words', outcome: 'BAD_AMOUNT', message: expect.stringContaining('cannot be read') },
  ]);
});
