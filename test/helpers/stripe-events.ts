import { signatureHeader } from '../../src/sandbox/stripe/webhooks.ts';

export const webhookSecret = 'whsec_of_these_tests';

/** An event in Stripe's format. */
export function makeEvent(id: string, type: string, object: Readonly<Record<string, unknown>>, more: object = {}) {
  return { id, object: 'event', type, created: 1_760_000_000, livemode: false, data: { object }, ...more };
}

/** The signed delivery of an event. `ageSeconds`: the age of the signature. */
export function signedRequest(event: object, { secret = webhookSecret, ageSeconds = 0 } = {}) {
  const payload = JSON.stringify(event);
  const at = Math.floor(Date.now() / 1_000) - ageSeconds;
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'stripe-signature': signatureHeader(payload, secret, at),
  };
  return { method: 'POST', url: '/api/v1/webhooks/stripe', payload, headers } as const;
}
