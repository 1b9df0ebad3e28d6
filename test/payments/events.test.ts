import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LeasedEvent } from '../../src/payments/types.ts';
import { createPaymentTables, dispute, event, intent, type PaymentTables, refund } from './payment-tables.ts';

let tables: PaymentTables;
beforeAll(async () => {
  tables = await createPaymentTables();
});
afterAll(() => tables.close());
beforeEach(async () => {
  await tables.clear();
  tables.provider.objects = undefined;
  await tables.addMigrated('B-1', 100_00);
});

const payment = (id: string) => intent(id, 100_00, { metadata: { bookingReference: 'B-1' } });
const spent = async () =>
  (await tables.rows<{ spent: string }>("SELECT spent FROM app.user_statistics WHERE currency = 'PHP'"))[0]?.spent;
const status = async () => (await tables.rows<{ status: string }>('SELECT status FROM app.payments'))[0]?.status;

/** Until nothing waits any more, as the inbox does. */
async function settleAll(events: readonly LeasedEvent[]): Promise<void> {
  let open = events;
  for (let round = 0; open.length > 0 && round < 10; round += 1) {
    const settled = await Promise.all(open.map((one) => tables.handle(one)));
    open = open.filter((_one, n) => !['applied', 'ignored'].includes(settled[n]?.[0]?.state ?? ''));
  }
  expect(open.map(({ type }) => type)).toEqual([]);
}

const stories: Readonly<Record<string, readonly LeasedEvent[]>> = {
  'a payment that failed once, two partial refunds of which one fails later': [
    event('payment_intent.payment_failed', { ...payment('pi_1'), last_payment_error: { code: 'card_declined' } }),
    event('payment_intent.succeeded', payment('pi_1')),
    event('refund.created', refund('re_1', 'pi_1', 30_00, 'succeeded')),
    event('refund.created', refund('re_2', 'pi_1', 20_00, 'pending')),
    event('refund.updated', refund('re_2', 'pi_1', 20_00, 'succeeded')),
    event('refund.failed', refund('re_2', 'pi_1', 20_00, 'failed')),
  ],
  'an inquiry that becomes a dispute and is won': [
    event('payment_intent.succeeded', payment('pi_1')),
    event('charge.dispute.created', dispute('dp_1', 'pi_1', 100_00, 'warning_needs_response')),
    event('charge.dispute.updated', dispute('dp_1', 'pi_1', 100_00, 'needs_response', -100_00)),
    event('charge.dispute.funds_withdrawn', dispute('dp_1', 'pi_1', 100_00, 'needs_response', -100_00)),
    event('charge.dispute.funds_reinstated', dispute('dp_1', 'pi_1', 100_00, 'won', -100_00, 100_00)),
    event('charge.dispute.closed', dispute('dp_1', 'pi_1', 100_00, 'won', -100_00, 100_00)),
  ],
  'a payment of another booking, refunded in full, with one event of its own second': [
    event('payment_intent.payment_failed', {
      ...intent('pi_2', 50_00),
      last_payment_error: { decline_code: 'lost_card' },
    }),
    event('payment_intent.succeeded', intent('pi_2', 50_00)),
    event('refund.created', refund('re_3', 'pi_2', 50_00, 'succeeded')),
    event('payment_intent.succeeded', payment('pi_1')),
    event('charge.dispute.created', dispute('dp_2', 'pi_2', 50_00, 'lost', -50_00)),
    event('refund.created', refund('re_4', 'pi_1', 100_00, 'succeeded')),
    event('refund.updated', refund('re_4', 'pi_1', 100_00, 'succeeded')),
  ],
};

describe('events of one second in any order, each several times and at once', () => {
  it.each(Object.keys(stories))('give one state: %s', async (name) => {
    const events = stories[name] ?? [];
    await settleAll(events);
    const expected = await tables.state();
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...events, ...events, ...events], { minLength: events.length * 3 }),
        async (order) => {
          await tables.clear();
          await tables.addMigrated('B-1', 100_00);
          await settleAll(order);
          expect(await tables.state()).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  });
});

it('a payment of the history that Stripe reports is not charged twice', async () => {
  await settleAll([event('payment_intent.succeeded', payment('pi_1'))]);
  expect(await tables.rows('SELECT kind, amount FROM app.payment_entries')).toEqual([
    { kind: 'charge', amount: '10000' },
  ]);
  expect(await spent()).toBe('10000');
});

it('a payment whose amount differs from the history fails by name, and changes nothing', async () => {
  const [settled] = await tables.handle(
    event('payment_intent.succeeded', { ...payment('pi_1'), amount_received: 90_00 }),
  );
  expect(settled).toMatchObject({ state: 'failed', code: 'PAYMENT_DIFFERS' });
  expect(await tables.rows('SELECT 1 FROM app.payment_events')).toEqual([]);
});

it('the status follows from the entries: partially refunded, refunded, and back when a refund fails', async () => {
  await settleAll([event('payment_intent.succeeded', payment('pi_1'))]);
  await settleAll([event('refund.created', refund('re_1', 'pi_1', 40_00, 'succeeded'))]);
  expect([await status(), await spent()]).toEqual(['partially_refunded', '6000']);
  await settleAll([event('refund.created', refund('re_2', 'pi_1', 60_00, 'pending'))]);
  expect([await status(), await spent()]).toEqual(['refunded', '0']);
  await settleAll([event('refund.failed', refund('re_2', 'pi_1', 60_00, 'failed'))]);
  expect([await status(), await spent()]).toEqual(['partially_refunded', '6000']);
  await tables.rows("UPDATE app.payments SET status = 'succeeded'");
  expect(await status()).toBe('partially_refunded');
});

it('an inquiry moves nothing', async () => {
  await settleAll([
    event('payment_intent.succeeded', payment('pi_1')),
    event('charge.dispute.created', dispute('dp_1', 'pi_1', 100_00, 'warning_needs_response')),
    event('charge.dispute.closed', dispute('dp_1', 'pi_1', 100_00, 'warning_closed')),
  ]);
  expect([await status(), await spent()]).toEqual(['succeeded', '10000']);
});

it('a dispute that is won gives the money back; closed before its money is reported, it waits', async () => {
  await settleAll([event('payment_intent.succeeded', payment('pi_1'))]);
  const [closed] = await tables.handle(event('charge.dispute.closed', dispute('dp_1', 'pi_1', 100_00, 'won', -100_00)));
  expect(closed).toMatchObject({ state: 'failed', code: 'DISPUTE_INCOMPLETE', delayMs: expect.any(Number) });
  await settleAll([
    event('charge.dispute.funds_withdrawn', dispute('dp_1', 'pi_1', 100_00, 'needs_response', -100_00)),
  ]);
  expect([await status(), await spent()]).toEqual(['disputed', '0']);
  await settleAll([event('charge.dispute.funds_reinstated', dispute('dp_1', 'pi_1', 100_00, 'won', -100_00, 100_00))]);
  expect([await status(), await spent()]).toEqual(['succeeded', '10000']);
});

it('a dispute that is won and closed before its money is reported is fetched until the money shows', async () => {
  await settleAll([event('payment_intent.succeeded', payment('pi_1'))]);
  const closed = event('charge.dispute.closed', dispute('dp_1', 'pi_1', 100_00, 'won', -100_00));
  let now = dispute('dp_1', 'pi_1', 100_00, 'won', -100_00);
  tables.provider.objects = { find: async () => now, refundsOf: async () => [] };
  expect(await tables.handle(closed)).toMatchObject([{ state: 'failed', code: 'DISPUTE_INCOMPLETE' }]);
  now = dispute('dp_1', 'pi_1', 100_00, 'won', -100_00, 100_00);
  expect(await tables.handle(closed)).toMatchObject([{ state: 'applied' }]);
  expect([await status(), await spent()]).toEqual(['succeeded', '10000']);
});

it('a dispute of what was refunded already takes nothing from other payments of the user', async () => {
  await tables.addMigrated('B-2', 70_00);
  await settleAll([
    event('payment_intent.succeeded', payment('pi_1')),
    event('refund.created', refund('re_1', 'pi_1', 60_00, 'succeeded')),
    event('charge.dispute.created', dispute('dp_1', 'pi_1', 100_00, 'lost', -100_00)),
  ]);
  expect(await spent()).toBe('7000');
});

describe('charge.refunded, which says only how much was refunded in all', () => {
  const charge = {
    id: 'ch_pi_1',
    object: 'charge',
    amount: 100_00,
    amount_refunded: 50_00,
    currency: 'php',
    payment_intent: 'pi_1',
  };
  const refunds = [refund('re_1', 'pi_1', 30_00, 'succeeded'), refund('re_2', 'pi_1', 20_00, 'succeeded')];

  it('books the refunds that the provider lists, each once, also where they were reported by themselves', async () => {
    tables.provider.objects = { find: async () => payment('pi_1'), refundsOf: async () => refunds };
    await settleAll([
      event('payment_intent.succeeded', payment('pi_1')),
      event('refund.created', refunds[0] ?? {}),
      event('charge.refunded', charge),
      event('charge.refunded', charge),
    ]);
    expect([await status(), await spent()]).toEqual(['partially_refunded', '5000']);
  });

  it('counts a refund that has failed since: it was in the sum when the event was made', async () => {
    const failed = { ...refunds[1], status: 'failed' };
    tables.provider.objects = { find: async () => payment('pi_1'), refundsOf: async () => [refunds[0] ?? {}, failed] };
    await settleAll([event('payment_intent.succeeded', payment('pi_1')), event('charge.refunded', charge)]);
    expect([await status(), await spent()]).toEqual(['partially_refunded', '7000']);
  });

  it('fails by name when the refunds do not add up to what the charge says', async () => {
    tables.provider.objects = { find: async () => undefined, refundsOf: async () => refunds.slice(0, 1) };
    await settleAll([event('payment_intent.succeeded', payment('pi_1'))]);
    const [settled] = await tables.handle(event('charge.refunded', charge));
    expect(settled).toMatchObject({
      state: 'failed',
      code: 'REFUNDS_DIFFER',
      message: expect.stringContaining('5000 PHP'),
    });
  });
});

describe('the three ends of an event', () => {
  it('is a stranger when its intent names no booking', async () => {
    const [settled] = await tables.handle(event('payment_intent.succeeded', intent('pi_9', 1, { metadata: {} })));
    expect(settled).toMatchObject({ state: 'ignored', code: 'STRANGER' });
    tables.provider.objects = { find: async (_kind, id) => intent(id, 1, { metadata: {} }), refundsOf: async () => [] };
    const [refunded] = await tables.handle(event('refund.created', refund('re_9', 'pi_9', 1, 'succeeded')));
    expect(refunded).toMatchObject({ state: 'ignored', code: 'STRANGER' });
  });

  it('waits for its payment, and is listed when the payment does not come', async () => {
    tables.provider.objects = { find: async (_kind, id) => intent(id, 1), refundsOf: async () => [] };
    const early = event('refund.created', refund('re_9', 'pi_9', 1, 'succeeded'));
    expect(await tables.handle(early)).toMatchObject([
      { state: 'pending', code: 'NO_PAYMENT', delayMs: expect.any(Number) },
    ]);
    const old = { ...early, receivedAt: new Date(Date.now() - 7_200_000) };
    const [late] = await tables.handle(old);
    expect(late).toMatchObject({ state: 'failed', code: 'NO_PAYMENT' });
    expect(late).not.toHaveProperty('delayMs');
  });

  it('of another account or mode is ignored by name', async () => {
    const settled = await tables.handle(
      event('payment_intent.succeeded', payment('pi_1'), { account: 'acct_1' }),
      event('payment_intent.succeeded', payment('pi_1'), { livemode: true }),
    );
    expect(settled.map(({ code }) => code)).toEqual(['OTHER_ACCOUNT', 'OTHER_MODE']);
  });
});

it('an event in another version of the API is fetched anew', async () => {
  const old = event('payment_intent.succeeded', { id: 'pi_1', object: 'payment_intent' }, { version: '2019-01-01' });
  expect(await tables.handle(old)).toMatchObject([{ state: 'failed', code: 'CONFIGURATION' }]);
  tables.provider.objects = { find: async () => payment('pi_1'), refundsOf: async () => [] };
  expect(await tables.handle(old)).toMatchObject([{ state: 'applied' }]);
});

it.each([
  ['jpy', 1_000, '1000'],
  ['isk', 1_000_00, '1000'],
  ['mga', 10, '1000'],
  ['kwd', 1_230, '1230'],
])('an amount in %s is in minor units of ISO 4217', async (currency, amount, minor) => {
  await settleAll([event('payment_intent.succeeded', intent('pi_2', amount, { currency }))]);
  expect(await tables.rows("SELECT e.amount FROM app.payment_entries e WHERE object = 'pi_2'")).toEqual([
    { amount: minor },
  ]);
});
