import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { emailKey } from '../../../src/email.ts';
import {
  acquisitionSource,
  builtInCatalogue,
  loadCatalogue,
  matchProducts,
} from '../../../src/plans/launch/catalogue.ts';
import { contactRow } from '../../../src/plans/launch/entities/systemeio.ts';
import { xenditRow } from '../../../src/plans/launch/entities/xendit.ts';
import { fiscalPeriodOf, parseSale } from '../../../src/plans/launch/sales.ts';
import { amountOf, instantOf } from '../../../src/plans/launch/values.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-catalogue-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the catalogue', () => {
  it('is in docs as a file to begin with, the same to the letter', () => {
    const file = readFileSync(new URL('../../../docs/launch-catalogue.json', import.meta.url), 'utf8');
    expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(builtInCatalogue)));
  });

  it('tells everything that is wrong with a file at once', async () => {
    const path = join(folder, 'wrong.json');
    const product = {
      code: 'X Y',
      name: 'x',
      transactionType: 'X',
      price: 'free',
      match: {},
      buyerGets: ['enrollment'],
    };
    writeFileSync(path, JSON.stringify({ currency: 'PESO', products: [product] }));
    const message = await loadCatalogue(path).catch((error: Error) => error.message);
    for (const part of ['products.0.code', 'products.0.price', 'products.0.match', 'currency'])
      expect(message).toContain(part);
    await expect(loadCatalogue(join(folder, 'missing.json'))).rejects.toMatchObject({ code: 'CONFIGURATION' });
  });

  it.each([
    ['PAPERS  TO profits (promo)', ['p2p_course']],
    ['My Canva Business Ebook', ['canva_ebook']],
    ['Papers to Profits with Canva', ['p2p_course', 'canva_ebook']],
    ['Consultation fee', []],
    [null, []],
  ])('matches %s', (description, codes) => {
    const found = matchProducts(builtInCatalogue, { description, externalId: null, productId: null });
    expect(found.map(({ code }) => code)).toEqual(codes);
  });

  it.each([
    ['https://x.example/?utm_source=Facebook&a=b', [], 'Facebook'],
    [null, ['TikTok lead'], 'TikTok'],
    ['https://x.example/', [], 'Website'],
    [null, [], 'Unknown'],
  ])('says that %s with %j came from %s', (url, tags, source) => {
    expect(acquisitionSource(builtInCatalogue, url, tags)).toBe(source);
  });
});

describe('values', () => {
  it.each([
    [' Ana@X.com\u00a0', 'ana@x.com'],
    ['ana+shop@x.com', 'ana+shop@x.com'],
    ['ana@', null],
    ['not given', null],
  ])('reads the address %j', (text, key) => expect(emailKey(text)).toBe(key));

  it.each([
    ['2025-03-04 09:30:00 (UTC+2)', undefined, '2025-03-04T07:30:00.000Z'],
    ['2025-03-04 09:30:00 (UTC+1)', undefined, '2025-03-04T08:30:00.000Z'],
    ['2025-03-04 09:30:00', '+0800', '2025-03-04T01:30:00.000Z'],
    ['2024-01-01T00:00:00+00:00', undefined, '2024-01-01T00:00:00.000Z'],
    ['2025-01-05T07:04:00Z', undefined, '2025-01-05T07:04:00.000Z'],
    ['4 March', undefined, null],
    ['2025-02-30 00:00:00', undefined, null],
  ])('reads the moment %j with %j', (text, zone, at) => expect(instantOf(text, zone)).toBe(at));

  it.each([
    [1299.5, '1299.5'],
    ['1,234.50', '1234.5'],
    ['PHP 800', '800'],
    ['1,23', null],
    ['1.000', null],
    ['1000,50', null],
    ['1,000.50', '1000.5'],
    ['0.00001', null],
    [Number.NaN, null],
  ])('reads the amount %j', (value, amount) => expect(amountOf(value, 'PHP')).toBe(amount));
});

describe('the fiscal period', () => {
  it.each([
    ['2024-12-31T16:30:00Z', {}, 2025, 1],
    ['2024-12-31T15:30:00Z', {}, 2024, 4],
    ['2024-04-01T00:00:00Z', { fiscalYearStart: 4, timeZone: 'UTC' }, 2025, 1],
    ['2024-03-31T00:00:00Z', { fiscalYearStart: 4, timeZone: 'UTC' }, 2024, 4],
    ['2024-12-15T00:00:00Z', { fiscalYearStart: 7, timeZone: 'UTC' }, 2025, 2],
  ])('of %s with %j is %i, quarter %i', (at, params, year, quarter) => {
    expect(fiscalPeriodOf(at, params)).toEqual({ fiscal_year: year, fiscal_quarter: quarter });
  });
});

describe('a sale', () => {
  const invoice = {
    xendit_id: 'i1',
    type: 'INVOICE',
    amount: '1000',
    currency: 'PHP',
    created: '2024-01-01T00:00:00Z',
  };
  const payment = {
    xendit_id: 't1',
    type: 'PAYMENT',
    status: 'SUCCESS',
    amount: '1000',
    currency: 'PHP',
    created: '2024-01-02T00:00:00Z',
  };
  it.each([
    ['PENDING of the API is UNPAID', { ...invoice, status: 'PENDING' }, null, 'UNPAID'],
    ['UNPAID of the files as well', { ...invoice, status: 'UNPAID' }, null, 'UNPAID'],
    ['a payment outranks an invoice that ran out', { ...invoice, status: 'EXPIRED' }, payment, 'PAID'],
    [
      'settled by the transaction',
      { ...invoice, status: 'PAID' },
      { ...payment, settlement_status: 'EARLY_SETTLED' },
      'SETTLED',
    ],
    [
      'settled by the invoice',
      { ...invoice, status: 'SETTLED' },
      { ...payment, settlement_status: 'PENDING' },
      'SETTLED',
    ],
    ['taken back', { ...invoice, status: 'PAID' }, { ...payment, status: 'REVERSED' }, 'REVERSED'],
    ['a word nobody knows', { ...invoice, status: 'PERHAPS' }, null, undefined],
  ])('%s', (_what, own, paid, status) => expect(parseSale({ own, payment: paid, invoice: null }).status).toBe(status));

  it.each([
    ['REFUND', 'SUCCESS', 'REFUNDED'],
    ['CHARGEBACK', 'SUCCESS', 'CHARGEBACK'],
    ['PAYMENT', 'PENDING', 'UNPAID'],
    ['PAYMENT', 'FAILED', 'FAILED'],
  ])('%s %s without an invoice is %s', (type, status, expected) => {
    expect(parseSale({ own: { ...payment, type, status }, invoice: null }).status).toBe(expected);
  });

  it('is no attempt at an invoice, and no payout', () => {
    expect(parseSale({ own: { ...payment, status: 'FAILED' }, invoice }).status).toMatchObject({ skip: 'ATTEMPT' });
    expect(parseSale({ own: { ...payment, type: 'DISBURSEMENT' }, invoice: null }).status).toMatchObject({
      skip: 'NOT_A_SALE',
    });
  });
});

describe('the legacy files', () => {
  it('give the same columns as the API', () => {
    const line = {
      'Invoice ID': 'i1',
      'External ID': 'e1',
      Status: 'Settled',
      Amount: '1,000.00',
      Currency: 'php',
      'Customer Email': 'Ana@X.com',
      Email: '',
      Description: ' Canva Ebook ',
      'Created Timestamp': '2025-01-01 08:00:00',
      'Paid Timestamp': '2025-01-01 09:00:00',
      Timezone: '+0800',
    };
    expect(xenditRow(line, 'i1')).toMatchObject({
      type: 'INVOICE',
      status: 'SETTLED',
      reference_id: 'e1',
      amount: '1000',
      currency: 'PHP',
      payer_email: 'ana@x.com',
      description: 'Canva Ebook',
      created: '2025-01-01T00:00:00.000Z',
      paid_at: '2025-01-01T01:00:00.000Z',
      api_response: line,
    });
    const contact = {
      Email: 'Ana@X.com',
      'First name': 'Ana',
      'Last name': '',
      Tag: 'squeeze, Canva,  Enrolled P2P',
      'Date Registered': '2025-03-04 09:30:00 (UTC+2)',
    };
    expect(contactRow(contact, 'c1')).toMatchObject({
      email_key: 'ana@x.com',
      first_name: 'Ana',
      last_name: null,
      tags: ['squeeze', 'Canva', 'Enrolled P2P'],
      created_at: '2025-03-04T07:30:00.000Z',
    });
  });
});
