import type { SandboxRequest } from '../../core/message.ts';
import { StripeFailure } from '../failure.ts';
import type { StripeConfig } from '../options.ts';
import type { AccountStore } from '../store/world.ts';
import { type AccountStores, OWN_ACCOUNT } from '../store/worlds.ts';

export type ApiKeys = Pick<StripeConfig, 'secretKey' | 'liveKey' | 'readOnlyKey' | 'accounts'>;

/** The world a request's key opens. Throws StripeFailure for strangers, and for writes with a key that may only read. */
export function authenticate(request: SandboxRequest, keys: ApiKeys, worlds: AccountStores): AccountStore {
  const key = keyOf(request.headers.authorization);
  if (key === undefined) throw new StripeFailure(401, NO_KEY, {}, { headers: CHALLENGE });
  const livemode = key === keys.liveKey;
  const readOnly = key === keys.readOnlyKey;
  if (!livemode && !readOnly && key !== keys.secretKey) {
    throw new StripeFailure(401, `Invalid API Key provided: ${maskKey(key)}`, {}, { headers: CHALLENGE });
  }
  if (readOnly && request.method !== 'GET')
    throw new StripeFailure(403, NOT_ALLOWED, { code: 'more_permissions_required' });
  return worlds.get(livemode, accountOf(request, keys, key));
}

function accountOf(request: SandboxRequest, { accounts }: ApiKeys, key: string): string {
  const named = request.headers['stripe-account'];
  if (named === undefined || named === OWN_ACCOUNT) return OWN_ACCOUNT;
  if (typeof named === 'string' && accounts.includes(named)) return named;
  const message =
    `The provided key '${maskKey(key)}' does not have access to account '${String(named)}' (or that account does not ` +
    'exist). Application access may have been revoked.';
  throw new StripeFailure(403, message, { code: 'account_invalid' });
}

function keyOf(header: string | undefined): string | undefined {
  const [scheme, value = ''] = (header ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && value !== '') return value;
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  return Buffer.from(value, 'base64').toString().split(':')[0] || undefined;
}

function maskKey(key: string): string {
  const start = /^[a-z]+_(test|live)_/.exec(key)?.[0] ?? key.slice(0, 2);
  return `${start}${'*'.repeat(Math.max(0, key.length - start.length - 4))}${key.slice(-4)}`;
}

const CHALLENGE = { 'www-authenticate': 'Basic realm="Stripe"' };
const NO_KEY =
  "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: " +
  "Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";
const NOT_ALLOWED = 'The provided key does not have the required permissions for this endpoint.';
