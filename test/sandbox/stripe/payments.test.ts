import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StripeSandbox, startStripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';

let sandbox: StripeSandbox;
let stripe: Stripe;

beforeEach(async () => {
  sandbox = await startStripeSandbox({ endpointRps: 0, globalRps: 0 });
  const { hostname, port } = new URL(sandbox.url);
  stripe = new Stripe(sandbox.secretKey, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
});
afterEach(() => sandbox.close());

async function rejection(work: Promise<unknown>) {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Stripe.errors.StripeError);
  return error as Stripe.errors.StripeError;
}

const events = () =>
  sandbox.data
    .all('event')
    .map(({ type }) => type)
    .reverse();

describe('customers', () => {
  it('are not unique by address, and filtered by its exact spelling', async () => {
    const ids = [];
    for (const email of ['Ana@x.com', 'ana@x.com', 'ana@x.com'])
      ids.push((await stripe.customers.create({ email })).id);
    expect((await stripe.customers.list({ email: 'ana@x.com' })).data.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    expect(await stripe.customers.update(String(ids[0]), { name: 'Ana', metadata: { a: '1' } })).toMatchObject({
      name: 'Ana',
    });
    expect(await stripe.customers.del(String(ids[0]))).toMatchObject({ deleted: true });
  });
});

describe('payment intents', () => {
  const sale = { amount: 2500, currency: 'usd', payment_method: 'pm_card_visa', confirm: true } as const;

  it('create a charge when confirmed', async () => {
    const intent = await stripe.paymentIntents.create({
      ...sale,
      metadata: { booking: '7' },
      expand: ['latest_charge'],
    });
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 2500, metadata: { booking: '7' } });
    expect(intent.latest_charge).toMatchObject({
      object: 'charge',
      amount: 2500,
      paid: true,
      payment_intent: intent.id,
    });
    expect(events()).toEqual(['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded']);
    expect((await stripe.charges.list({ payment_intent: intent.id })).data).toHaveLength(1);
  });

  it('fail with a declined card, and the failure is stored under the idempotency key', async () => {
    const pay = () =>
      stripe.paymentIntents.create(
        { ...sale, payment_method: 'pm_card_chargeDeclinedInsufficientFunds' },
        { idempotencyKey: 'k' },
      );
    const error = await rejection(pay());
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code: 'card_declined',
      decline_code: 'insufficient_funds',
    });
    expect(error.payment_intent).toMatchObject({ status: 'requires_payment_method' });
    expect((await rejection(pay())).headers?.['idempotent-replayed']).toBe('true');
    expect(events()).toContain('payment_intent.payment_failed');
  });

  it('can be confirmed, captured and canceled in steps', async () => {
    const manual = await stripe.paymentIntents.create({ amount: 900, currency: 'eur', capture_method: 'manual' });
    expect(manual.status).toBe('requires_payment_method');
    const { status } = await stripe.paymentIntents.confirm(manual.id, { payment_method: 'pm_card_visa' });
    expect(status).toBe('requires_capture');
    expect((await stripe.paymentIntents.capture(manual.id)).status).toBe('succeeded');
    expect((await rejection(stripe.paymentIntents.cancel(manual.id))).code).toBe('payment_intent_unexpected_state');
    expect((await rejection(stripe.paymentIntents.create({ amount: 20, currency: 'usd' }))).code).toBe(
      'amount_too_small',
    );
  });

  it('can be refunded in parts, up to the captured amount', async () => {
    const { id, latest_charge: charge } = await stripe.paymentIntents.create(sale);
    expect(await stripe.refunds.create({ payment_intent: id, amount: 1000 })).toMatchObject({
      status: 'succeeded',
      charge,
    });
    expect((await rejection(stripe.refunds.create({ payment_intent: id, amount: 1600 }))).param).toBe('amount');
    await stripe.refunds.create({ charge: String(charge) });
    expect((await rejection(stripe.refunds.create({ charge: String(charge) }))).code).toBe('charge_already_refunded');
    expect(await stripe.charges.retrieve(String(charge))).toMatchObject({ amount_refunded: 2500, refunded: true });
    expect((await stripe.refunds.list({ payment_intent: id })).data.map(({ amount }) => amount)).toEqual([1500, 1000]);
  });

  it('can be disputed', async () => {
    const { id } = await stripe.paymentIntents.create({ ...sale, payment_method: 'pm_card_createDispute' });
    const { data } = await stripe.disputes.list({ payment_intent: id });
    expect(data).toMatchObject([{ amount: 2500, status: 'needs_response', reason: 'fraudulent' }]);
    expect(events()).toContain('charge.dispute.created');
  });
});

describe('invoices', () => {
  let customer: string;
  beforeEach(async () => {
    customer = (await stripe.customers.create({ email: 'coach@x.com' })).id;
  });
  const draft = () => stripe.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 14 });

  it('have items and are finalized, numbered, sent and paid', async () => {
    const { id } = await draft();
    const item = { customer, invoice: id, currency: 'usd', metadata: { booking: '1' } };
    await stripe.invoiceItems.create({ ...item, amount: 1200, description: 'Commission March' });
    await stripe.invoiceItems.create({ ...item, amount: 800 });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({
      status: 'draft',
      total: 2000,
      lines: { data: { length: 2 } },
    });
    const open = await stripe.invoices.finalizeInvoice(id);
    expect(open).toMatchObject({ status: 'open', amount_due: 2000, number: expect.stringMatching(/-0001$/) });
    await stripe.invoices.sendInvoice(id);
    const error = await rejection(stripe.invoiceItems.create({ ...item, amount: 1 }));
    expect(error.code).toBe('invoice_not_editable');
    expect(await stripe.invoices.pay(id, { payment_method: 'pm_card_visa' })).toMatchObject({
      status: 'paid',
      amount_paid: 2000,
      amount_remaining: 0,
    });
    expect((await rejection(stripe.invoices.pay(id))).code).toBe('invoice_already_paid');
    expect(events()).toEqual(
      expect.arrayContaining(['invoice.created', 'invoice.finalized', 'invoice.sent', 'invoice.paid']),
    );
  });

  it('include pending items only when requested', async () => {
    await stripe.invoiceItems.create({ customer, amount: 500, currency: 'usd' });
    expect((await draft()).total).toBe(0);
    const including = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include' });
    expect(including.total).toBe(500);
    expect((await stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
  });

  it('can be voided, and cannot be paid without a payment method', async () => {
    const { id } = await draft();
    await stripe.invoiceItems.create({ customer, invoice: id, amount: 700, currency: 'usd' });
    expect((await rejection(stripe.invoices.pay(id))).message).toContain('no attached payment source');
    expect((await stripe.invoices.retrieve(id)).status).toBe('draft');
    await stripe.invoices.finalizeInvoice(id);
    const declined = await rejection(stripe.invoices.pay(id, { payment_method: 'pm_card_chargeDeclined' }));
    expect([declined.statusCode, (await stripe.invoices.retrieve(id)).attempt_count]).toEqual([402, 1]);
    expect((await stripe.invoices.voidInvoice(id)).status).toBe('void');
    expect((await stripe.invoices.list({ customer, status: 'void' })).data).toHaveLength(1);
    expect((await rejection(stripe.invoices.del(id))).statusCode).toBe(400);
  });

  it('need payment terms and an existing customer', async () => {
    expect((await rejection(stripe.invoices.create({ customer, collection_method: 'send_invoice' }))).param).toBe(
      'days_until_due',
    );
    expect((await rejection(stripe.invoices.create({ customer: 'cus_no' }))).code).toBe('resource_missing');
  });
});
