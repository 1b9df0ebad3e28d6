import { createHmac } from 'node:crypto';

/** The value of `Stripe-Signature` for a body sent at a moment (seconds since the epoch). */
export function signatureHeader(body: string, secret: string, at: number): string {
  const sign = (key: string) => createHmac('sha256', key).update(`${at}.${body}`).digest('hex');
  // Stripe sends an older scheme along; a verifier must not take it for the real one.
  return `t=${at},v1=${sign(secret)},v0=${sign(`${secret}_v0`)}`;
}
