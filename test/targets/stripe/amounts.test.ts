import { describe, expect, test } from 'vitest';
import { Problem, readPrice } from '../../../src/plans/catalog/parsers.ts';
import { fromStripe, toStripe } from '../../../src/targets/stripe/amounts.ts';
import { mapStripeError } from '../../../src/upstreams/stripe/client.ts';

test.each([
  ['19.99', 'USD', 1_999n],
  ['2500', 'JPY', 2_500n],
  ['1500', 'ISK', 150_000n],
  ['75000', 'UGX', 7_500_000n],
  ['12.340', 'KWD', 12_340n],
  ['1000', 'MGA', 1_000n],
  ['12.50', 'EUR', 1_250n],
])('%s %s is %d at Stripe, and is converted back to the same', (price, currency, amount) => {
  const read = readPrice(price, currency, undefined);
  if (read instanceof Problem) throw new Error(read.code);
  expect(toStripe(read.minor, currency)).toBe(amount);
  expect(fromStripe(Number(amount), currency)).toBe(read.minor);
});

test.each([
  ['12.345', 'KWD', 'BAD_AMOUNT'],
  ['1.5', 'JPY', 'BAD_AMOUNT'],
  ['0.005', 'USD', 'BAD_AMOUNT'],
  ['-5.00', 'USD', 'BAD_AMOUNT'],
  ['9'.repeat(40), 'USD', 'BAD_AMOUNT'],
  ['0.00', 'USD', 'FREE_PRICE'],
  [' Free ', 'USD', 'FREE_PRICE'],
  ['', 'USD', 'NO_PRICE'],
  ['1,299.00', 'USD', 'BAD_NUMBER'],
  ['1e3', 'USD', 'BAD_NUMBER'],
  ['5', 'EURO', 'UNKNOWN_CURRENCY'],
  ['5', 'IQD', 'UNSUPPORTED_CURRENCY'],
])('%s %s is not guessed: %s', (price, currency, code) => {
  expect(readPrice(price, currency, undefined)).toMatchObject({ code });
});

describe('a refusal of Stripe', () => {
  const refusal = (status: number, error: object, headers = {}) =>
    mapStripeError(status, JSON.stringify({ error: { message: 'no', ...error } }), headers)?.code;

  test('concerns the record, another request, or the limit', () => {
    expect(refusal(400, { code: 'parameter_invalid_integer', param: 'unit_amount' })).toBe('UPSTREAM_REJECTED');
    expect(refusal(402, { type: 'card_error' })).toBe('UPSTREAM_REJECTED');
    expect(refusal(409, { code: 'idempotency_key_in_use' })).toBe('UPSTREAM_CONFLICT');
    expect(refusal(429, { code: 'lock_timeout' })).toBe('UPSTREAM_CONFLICT');
    expect(refusal(429, { code: 'rate_limit' }, { 'stripe-rate-limited-reason': 'endpoint-rate' })).toBeUndefined();
    expect(refusal(401, { type: 'invalid_request_error' })).toBeUndefined();
    expect(refusal(500, { type: 'api_error' })).toBeUndefined();
    expect(mapStripeError(502, '<html>', {})).toBeUndefined();
  });
});
