import type { FaultMode, PlanFixture, SourceContent, StandIn } from '../../src/plan/conformance/types.ts';
import type { FaultRule } from '../../src/sandbox/core/faults.ts';
import { startSystemeioSandbox } from '../../src/sandbox/launch/systemeio.ts';
import { startXenditSandbox } from '../../src/sandbox/launch/xendit.ts';

// Neither API has a fixed page size, so a few hundred records fill several pages.
const pages: readonly FaultRule[] = [
  { fault: 'clamp', operation: 'list', resource: 'transaction', limit: 20 },
  { fault: 'clamp', operation: 'list', resource: 'invoice', limit: 25 },
  { fault: 'clamp', operation: 'list', resource: 'contact', limit: 35 },
];

const troubles: Readonly<Record<FaultMode, readonly FaultRule[]>> = {
  none: [],
  throttled: [{ fault: 'throttle', every: 4, retryAfter: 0 }],
  failing: [
    { fault: 'error', every: 5 },
    { fault: 'unavailable', every: 7 },
    { fault: 'drop-midway', every: 11 },
  ],
  shifting: [
    { fault: 'insert', operation: 'list', every: 2, count: 2, position: 'before' },
    { fault: 'insert', operation: 'list', every: 3, count: 1, position: 'after' },
  ],
  repeating: [{ fault: 'repeat-page', operation: 'list', every: 3 }],
};

async function start(content: SourceContent): Promise<StandIn> {
  const options = { share: content === 'filled' ? 0.01 : 0, ratePerMinute: 0, faults: [...pages] };
  const [xendit, systemeio] = [await startXenditSandbox(options), await startSystemeioSandbox(options)];
  return {
    settings: {
      XENDIT_API_URL: xendit.url,
      XENDIT_SECRET_KEY: xendit.secretKey,
      XENDIT_MAX_RPS: '200',
      SYSTEMEIO_API_URL: systemeio.url,
      SYSTEMEIO_API_KEY: systemeio.apiKey,
      SYSTEMEIO_MAX_RPS: '200',
    },
    injectFault(trouble) {
      for (const { faults } of [xendit, systemeio]) faults.set([...troubles[trouble], ...pages]);
    },
    async close() {
      await Promise.all([xendit.close(), systemeio.close()]);
    },
  };
}

const id = (digit: number): string => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`;
const contact = {
  contact_id: '12345',
  email: 'ana@example.com',
  first_name: 'Ana',
  last_name: 'Santos',
  phone: null,
  created_at: '2024-01-01T00:00:00+00:00',
  tags: ['PaidP2P'],
  contact_ids: ['12345'],
};
const buyer = {
  gets: ['profile', 'enrollment'],
  products: ['p2p_course'],
  email: 'ana@example.com',
  name: 'Ana Santos',
  since: '2024-01-02T00:00:00.000Z',
  account_id: null,
  contact,
  acquisition_source: 'Facebook',
};
const invoice = {
  xendit_id: '579c8d61f23fa4ca35e52da4',
  type: 'INVOICE',
  status: 'PAID',
  amount: '1000.0000',
  currency: 'PHP',
  payer_email: 'ana@example.com',
  description: 'Papers to Profits',
  reference_id: 'inv-1',
  created: '2024-01-02T00:00:00+00:00',
  paid_at: '2024-01-02T00:05:00+00:00',
};

/** Raw records of the sources; for entities read from the target, in the form of its rows. */
const records = {
  xendit_transactions: {
    id: 'txn_13dd178d-41fa-40b7-8fd3-f83675d6f413',
    type: 'PAYMENT',
    status: 'SUCCESS',
    channel_code: 'GCASH',
    reference_id: 'ref23232',
    currency: 'PHP',
    amount: 1000,
    settlement_status: 'SETTLED',
    created: '2025-01-05T07:04:00Z',
    updated: '2025-01-05T07:05:11.123Z',
    product_data: { payment_link_id: '579c8d61f23fa4ca35e52da4' },
  },
  xendit_invoices: {
    id: '579c8d61f23fa4ca35e52da4',
    external_id: 'inv-1',
    status: 'PAID',
    amount: 1000,
    currency: 'PHP',
    payer_email: 'ana@example.com',
    description: 'Papers to Profits',
    created: '2025-01-05T07:04:00.000Z',
    updated: '2025-01-05T07:09:00.000Z',
    customer: { given_names: 'Ana', surname: 'Santos', email: 'ana@example.com' },
  },
  systemeio_raw: {
    id: 12345,
    email: 'ana@example.com',
    registeredAt: '2024-01-01T00:00:00+00:00',
    sourceURL: 'https://papers.example.com/?utm_source=facebook',
    fields: [{ slug: 'first_name', value: 'Ana' }],
    tags: [{ id: 1, name: 'PaidP2P' }],
  },
  users: buyer,
  unified_profiles: buyer,
  transactions: {
    own: invoice,
    invoice: null,
    payment: null,
    user_id: id(1),
    products: [{ code: 'p2p_course', transactionType: 'P2P' }],
  },
  manual_payments: {
    contact,
    user_id: id(1),
    found: false,
    product: { code: 'p2p_course', transactionType: 'P2P', amount: '800.00', currency: 'PHP' },
  },
  courses: { code: 'p2p_course', name: 'Papers to Profits course', price: '1000.00', currency: 'PHP', course_id: null },
  enrollments: {
    user_id: id(1),
    course_id: id(2),
    code: 'p2p_course',
    transaction_id: id(3),
    kept: true,
    since: '2024-01-02T00:00:00.000Z',
  },
  affiliates: { contact, user_id: id(1) },
  profile_affiliates: { user_id: id(1), affiliate_id: id(2), email: 'ana@example.com' },
  leads: {
    contact,
    history: { converted_at: null, tried: true, first_product: null },
    acquisition_source: 'Facebook',
    tagged: true,
  },
};

export default { start, records } satisfies PlanFixture;
