import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';
import { OWN_ACCOUNT } from '../store/worlds.ts';
import { API_VERSION } from '../version.ts';

/** Who asked for what happened. */
export interface EventRequest {
  readonly id: string;
  readonly idempotency_key: string | null;
}

/** An event as Stripe stores and sends it. */
export function makeEvent(
  world: AccountStore,
  type: string,
  object: StripeObject,
  previous: Readonly<Record<string, unknown>> | undefined,
  request: EventRequest,
): StripeObject {
  return {
    id: world.newId('evt'),
    object: 'event',
    ...(world.account === OWN_ACCOUNT ? {} : { account: world.account }),
    api_version: API_VERSION,
    created: world.now(),
    data: { object, ...(previous === undefined ? {} : { previous_attributes: previous }) },
    livemode: world.livemode,
    pending_webhooks: 0,
    request,
    type,
  };
}
