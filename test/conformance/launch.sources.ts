import type { ListDescription, SourceDescription } from '../../src/plan/conformance/metamorphic/description.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { loadCatalogue, matchProducts } from '../../src/plans/launch/catalogue.ts';
import plan from '../../src/plans/launch/index.ts';
import { parseSale } from '../../src/plans/launch/sales.ts';
import { startSystemeioSandbox } from '../../src/sandbox/launch/systemeio.ts';
import { startXenditSandbox } from '../../src/sandbox/launch/xendit.ts';

const catalogue = await loadCatalogue(undefined);

/** A row of `xendit_raw` as the transactions read it, alone: an invoice without its payment, a payment without its invoice. */
const readBy: ListDescription['readBy'] = {
  entity: 'transactions',
  record({ api_response: given, ...row }) {
    const { amount, Amount = amount ?? null, currency, Currency = currency ?? null } = given as JsonObject;
    const own = { ...row, given: { amount: Amount, currency: Currency } };
    const payment = row.type === 'INVOICE' ? null : own;
    const products = matchProducts(catalogue, parseSale({ own, invoice: null, payment }));
    const matched = products.map(({ code, transactionType }) => ({ code, transactionType }));
    return { own, invoice: null, payment, user_id: null, products: matched };
  },
};

/** The legacy files. */
const xenditFile: ListDescription = {
  entity: 'xendit_invoices',
  readBy,
  columns: {
    'Invoice ID': { meaning: 'id', alternative: 'External ID' },
    'External ID': { meaning: 'text' },
    Status: { meaning: 'word' },
    Amount: { meaning: 'amount' },
    Currency: { meaning: 'currency' },
    'Customer Email': { meaning: 'text' },
    Email: { meaning: 'email', into: 'payer_email', needs: 'column', alternative: 'Customer Email' },
    Description: { meaning: 'text', needs: 'column' },
    'Created Timestamp': { meaning: 'date', needs: 'column' },
    'Paid Timestamp': { meaning: 'date', needs: 'column' },
    'Settled Timestamp': { meaning: 'date', needs: 'nothing' },
    Timezone: { meaning: 'text', needs: 'column' },
  },
  records: [
    {
      ...{ 'Invoice ID': 'inv-1', 'External ID': 'ext-1', Status: 'SETTLED', Amount: '1000', Currency: 'PHP' },
      ...{ Email: 'josé@shop.example', Description: 'Papers to Profits', Timezone: '+0800' },
      ...{ 'Created Timestamp': '2024-03-30 10:00:00', 'Paid Timestamp': '2024-04-02 10:00:00' },
      ...{ 'Settled Timestamp': '2024-04-03 10:00:00' },
    },
    {
      ...{ 'Invoice ID': 'inv-2', 'External ID': 'ext-2', Status: 'PAID', Amount: '12,500.50', Currency: 'PHP' },
      ...{
        'Customer Email': 'bo@shop.example',
        Description: 'Canva "Ebook"; volume 1,\nwith gifts',
        Timezone: '+0000',
      },
      ...{ 'Created Timestamp': '2024-03-30 10:00:00', 'Paid Timestamp': '2024-03-30 11:00:00' },
    },
    {
      ...{ 'Invoice ID': 'inv-3', 'External ID': 'ext-3', Status: 'EXPIRED', Amount: '1500', Currency: 'JPY' },
      ...{ Email: 'cy@shop.example', Description: 'Papers to Profits', Timezone: '+0000' },
      'Created Timestamp': '2024-03-30 10:00:00',
    },
  ],
};

const contactFile: ListDescription = {
  entity: 'systemeio_raw',
  columns: {
    Email: { meaning: 'email', needs: 'column' },
    'First name': { meaning: 'text', needs: 'column' },
    'Last name': { meaning: 'text', needs: 'column' },
    Tag: { meaning: 'text', needs: 'column' },
    'Date Registered': { meaning: 'date', needs: 'column' },
  },
  records: [
    {
      ...{ Email: 'josé@shop.example', 'First name': 'José', 'Last name': 'Paz', Tag: 'PaidP2P, Affiliate' },
      'Date Registered': '2024-01-08 05:00:00 (UTC+1)',
    },
    {
      ...{ Email: 'mia+shop@shop.example', 'First name': 'Mia', 'Last name': "O'Hara; jr.", Tag: 'webinar' },
      'Date Registered': '2024-07-08 05:00:00 (UTC+2)',
    },
  ],
};

const files: SourceDescription = {
  title: 'legacy CSV files',
  plan,
  lists: { 'xendit.csv': xenditFile, 'systemeio.csv': contactFile },
  serving: {
    kind: 'files',
    settings: (folder) => ({ MIGRATION_EXPORT_DIR: folder }),
    params: { skipExport: true },
  },
  rawColumns: ['api_response'],
};

/** The APIs. */
const transactions: ListDescription = {
  entity: 'xendit_transactions',
  readBy,
  columns: {
    id: { meaning: 'id' },
    type: { meaning: 'word' },
    status: { meaning: 'word' },
    currency: { meaning: 'currency' },
    amount: { meaning: 'amount' },
    created: { meaning: 'date', needs: 'column' },
    updated: { meaning: 'date', needs: 'column' },
  },
  records: [1, 2, 3].map((n) => ({
    ...{ id: `txn_${n}`, type: 'PAYMENT', status: 'SUCCESS', channel_code: 'GCASH', reference_id: `ref-${n}` },
    ...{ currency: 'PHP', amount: 1000 + n, settlement_status: 'SETTLED' },
    ...{ created: `2024-03-0${n}T07:04:00Z`, updated: `2024-03-0${n}T07:05:11.123Z` },
  })),
};

const invoices: ListDescription = {
  entity: 'xendit_invoices',
  readBy,
  columns: {
    id: { meaning: 'id' },
    status: { meaning: 'word' },
    amount: { meaning: 'amount' },
    currency: { meaning: 'currency' },
    payer_email: { meaning: 'email', needs: 'column' },
    description: { meaning: 'text' },
    created: { meaning: 'date', needs: 'column' },
    paid_at: { meaning: 'date', needs: 'column' },
  },
  records: [1, 2, 3].map((n) => ({
    ...{ id: `inv-${n}`, external_id: `ext-${n}`, status: 'PAID', amount: 1000.5, currency: 'PHP' },
    ...{ payer_email: `josé${n}@shop.example`, description: 'Papers to Profits — édition', user_id: 'b1' },
    ...{ created: `2024-03-3${n % 2}T10:00:00.000Z`, updated: '2024-04-02T10:00:00.000Z' },
    ...{ paid_at: '2024-04-02T10:00:00.000Z', customer: { given_names: 'José', surname: 'Paz' } },
  })),
};

const contacts: ListDescription = {
  entity: 'systemeio_raw',
  columns: {
    id: { meaning: 'id' },
    email: { meaning: 'email', needs: 'column' },
    registeredAt: { meaning: 'date', needs: 'column' },
  },
  records: [1, 2, 3].map((n) => ({
    ...{ id: 100 + n, email: `josé${n}@shop.example`, registeredAt: `2024-01-0${n}T00:00:00+00:00`, locale: 'en' },
    fields: [
      { slug: 'first_name', value: 'José' },
      { slug: 'surname', value: 'Paz' },
    ],
    tags: [{ id: 1, name: 'PaidP2P' }],
  })),
};

const apis: SourceDescription = {
  title: 'APIs',
  plan,
  lists: { transaction: transactions, invoice: invoices, contact: contacts },
  serving: {
    kind: 'api',
    pageSizes: [1, 2],
    async start(lists, pageSize) {
      const faults = pageSize === undefined ? [] : [{ fault: 'clamp', operation: 'list', limit: pageSize } as const];
      const options = { share: 0, ratePerMinute: 0, faults };
      const [xendit, systemeio] = [await startXenditSandbox(options), await startSystemeioSandbox(options)];
      for (const kind of ['transaction', 'invoice'])
        for (const record of lists[kind] ?? []) xendit.data.insert(kind, record);
      for (const record of lists.contact ?? []) systemeio.data.insert('contact', record);
      return {
        settings: {
          ...{ XENDIT_API_URL: xendit.url, XENDIT_SECRET_KEY: xendit.secretKey, XENDIT_MAX_RPS: '200' },
          ...{ SYSTEMEIO_API_URL: systemeio.url, SYSTEMEIO_API_KEY: systemeio.apiKey, SYSTEMEIO_MAX_RPS: '200' },
        },
        close: async () => {
          await Promise.all([xendit.close(), systemeio.close()]);
        },
      };
    },
  },
  rawColumns: ['api_response'],
};

export const sources = [files, apis];
