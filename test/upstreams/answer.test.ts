import { expect, test } from 'vitest';
import { secretValuesIn, upstreamErrorText } from '../../src/upstreams/answer.ts';

test.each([
  [{ statusCode: 400, body: { status: 'ERROR', message: 'Unrecognized field: foo' } }, 'Unrecognized field: foo'],
  [{ error: { type: 'invalid_request_error', message: 'No such price' } }, 'No such price'],
  [{ errors: [{ category: 'X', detail: 'Missing payment' }] }, 'Missing payment'],
  [{ error: 'invalid_token', error_description: 'Token expired' }, 'Token expired'],
  [{ error: 'invalid_token' }, 'invalid_token'],
  [{ error_code: 'API_VALIDATION_ERROR', message: 'amount is required' }, 'amount is required'],
  [{ message: 'a\n  b' }, 'a b'],
  [{ detail: 'x'.repeat(500) }, 'x'.repeat(200)],
  [[], ''],
  [null, ''],
  ['words', ''],
])('the message of %j is %j', (body, expected) => {
  expect(upstreamErrorText(JSON.stringify(body), [])).toBe(expected);
});

test('an HTML page has no message', () => {
  expect(upstreamErrorText('<html>key=abc</html>', [])).toBe('');
});

test('keys in any form and e-mail addresses are removed', () => {
  const secrets = secretValuesIn({
    authorization: 'Bearer s3cr3t-token',
    accept: 'application/json',
    'x-key': 'abcdef123',
  });
  const message = 'key s3cr3t-token or abcdef123 or Bearer other or sk_live_12345 of ana@example.com, application/json';
  expect(upstreamErrorText(JSON.stringify({ message }), secrets)).toBe(
    'key [secret] or [secret] or [secret] or [secret] of [e-mail] application/json',
  );
});
