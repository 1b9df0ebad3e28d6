import Stripe from 'stripe';
import { DroverError } from '../../errors.ts';
import type { ErrorMapper } from '../../plan/upstream.ts';
import { upstreamErrorText } from '../refusal.ts';

/** What Stripe's error object says, kept as the cause of the error it became. */
export interface StripeErrorInfo {
  readonly status: number;
  readonly type: string;
  readonly code: string | undefined;
  readonly param: string | undefined;
}

/**
 * What a refusal of Stripe means. A 429 for a lock on an object is no matter of limits, a 409 is another request that
 * holds it, and a 400 of a write is about the record that is written.
 */
export const mapStripeError: ErrorMapper = (status, text, headers) => {
  const refusal = parseStripeError(status, text);
  if (refusal === undefined) return undefined;
  const code = errorCodeOf(refusal, headers);
  if (code === undefined) return undefined;
  const words = upstreamErrorText(text, []);
  const details = { cause: refusal, ...(refusal.param === undefined ? {} : { field: refusal.param }) };
  return new DroverError(code, `stripe: ${status}${refusal.code ? ` ${refusal.code}` : ''} ${words}`, details);
};

/** Stripe's own code of a refusal (`resource_already_exists`, `resource_missing`), and the parameter it is about. */
export function stripeErrorInfo(error: unknown): StripeErrorInfo | undefined {
  const cause = error instanceof DroverError ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'param' in cause ? (cause as StripeErrorInfo) : undefined;
}

/** What the official client threw, as our error: what went wrong below it is in its `detail`. */
export function unwrapStripeError(thrown: unknown): unknown {
  if (!(thrown instanceof Stripe.errors.StripeError)) return thrown;
  if (thrown.detail instanceof DroverError || isAbort(thrown.detail)) return thrown.detail;
  const { statusCode: status = 0, code, param, type } = thrown;
  const refusal: StripeErrorInfo = { status, type, code, param };
  const kind = status === 404 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_BAD_ANSWER';
  return new DroverError(kind, `stripe: ${status || 'no status'} ${code ?? type}`, { cause: refusal, field: param });
}

function isAbort(detail: unknown): boolean {
  return detail instanceof Error && detail.name === 'AbortError';
}

function errorCodeOf(
  { status, code, type }: StripeErrorInfo,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  const limited = headers['stripe-rate-limited-reason'] !== undefined;
  if (status === 409 || (status === 429 && code === 'lock_timeout' && !limited)) return 'UPSTREAM_CONFLICT';
  if (status === 429 || status >= 500) return undefined;
  if (status === 400 && (code === 'rate_limit' || limited)) return 'UPSTREAM_RATE_LIMIT';
  if (status === 401 || status === 403 || type === 'authentication_error') return undefined;
  return status >= 400 ? 'UPSTREAM_REJECTED' : undefined;
}

function parseStripeError(status: number, text: string): StripeErrorInfo | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { type?: unknown; code?: unknown; param?: unknown } };
    if (typeof error !== 'object' || error === null) return undefined;
    const word = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
    return { status, type: word(error.type) ?? '', code: word(error.code), param: word(error.param) };
  } catch {
    return undefined;
  }
}
