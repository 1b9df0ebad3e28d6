import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';
import { byTime, byValue } from './filters.ts';
import { type Context, operation, type Resource } from './resource.ts';

/** The bank's customer says no after all. */
export function makeDispute(charge: StripeObject, context: Context): void {
  const { world } = context;
  const { amount, currency, payment_intent } = charge;
  const dispute = world.put({
    ...blankDispute(world),
    id: world.newId('du'),
    object: 'dispute',
    ...{ amount, currency, payment_intent, charge: charge.id, reason: 'fraudulent', status: 'needs_response' },
  });
  world.put({ ...charge, disputed: true });
  context.emit('charge.dispute.created', dispute);
}

function blankDispute(world: AccountStore) {
  return {
    amount: 0,
    balance_transactions: [],
    charge: null,
    created: world.now(),
    currency: 'usd',
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: { due_by: world.now() + 9 * 86_400, has_evidence: false, past_due: false, submission_count: 0 },
    is_charge_refundable: false,
    livemode: world.livemode,
    metadata: {},
    payment_intent: null,
    payment_method_details: {
      card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10.4' },
      type: 'card',
    },
    reason: 'general',
    status: 'needs_response',
  };
}

const close = operation({}, (_, context, target) => {
  const closed = context.world.put({ ...target, status: 'lost' });
  context.emit('charge.dispute.closed', closed);
  return closed;
});

export const dispute: Resource = {
  object: 'dispute',
  collection: 'disputes',
  title: 'dispute',
  actions: { close },
  filters: { charge: byValue('charge'), created: byTime('created'), payment_intent: byValue('payment_intent') },
  expands: { charge: 'charge', payment_intent: 'payment_intent' },
  blank: blankDispute,
};
