import { flag, listOf, stringParam } from '../params.ts';
import { type AccountStore, OWN_ACCOUNT, type StripeObject } from '../store.ts';
import { byTime, type Resource } from './resource.ts';

/** Whether a type matches a pattern; a final `*` matches any rest: `product.*`. */
function matchesType(type: unknown, pattern: string): boolean {
  return pattern.endsWith('*') ? String(type).startsWith(pattern.slice(0, -1)) : type === pattern;
}

export const event: Resource = {
  object: 'event',
  collection: 'events',
  title: 'event',
  filters: {
    created: byTime('created'),
    type: { reader: stringParam, matches: ({ type }, wanted) => matchesType(type, String(wanted)) },
    types: {
      reader: listOf(stringParam, 20),
      matches: ({ type }, wanted) => (wanted as string[]).some((pattern) => matchesType(type, pattern)),
    },
    delivery_success: { reader: flag, matches: ({ pending_webhooks: n }, wanted) => (n === 0) === wanted },
  },
  blank: (store) => ({ created: store.now(), livemode: store.livemode }),
};

/** The request that caused an event. */
export interface EventRequest {
  readonly id: string;
  readonly idempotency_key: string | null;
}

/** An event as Stripe stores and sends it. */
export function makeEvent(
  store: AccountStore,
  type: string,
  object: StripeObject,
  previous: Readonly<Record<string, unknown>> | undefined,
  request: EventRequest,
): StripeObject {
  return {
    id: store.newId('evt'),
    object: 'event',
    ...(store.account === OWN_ACCOUNT ? {} : { account: store.account }),
    api_version: API_VERSION,
    created: store.now(),
    data: { object, ...(previous === undefined ? {} : { previous_attributes: previous }) },
    livemode: store.livemode,
    pending_webhooks: 0,
    request,
    type,
  };
}

/** The API version whose object formats the sandbox has. */
const API_VERSION = '2026-10-28.endive';
