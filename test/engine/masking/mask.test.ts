import { expect, test } from 'vitest';
import { variantsText } from '../../../src/contract/failure-variants.ts';
import { maskContacts, maskFailure, maskMessage } from '../../../src/engine/masking/mask.ts';

test.each([
  ['there is no users jane.doe+x@mail.example.co.uk here', 'there is no users ***@*** here'],
  ['<jane@x.io>, bob@y.io; "eve@z.io"', '<***@***>, ***@***; "***@***"'],
  ['call +63 917 123-4567 or (555) 123-4567', 'call *** or ***'],
  ['national 09171234567', 'national ***'],
  ['555-123-4567.', '***.'],
])('contacts are hidden: %s', (text, masked) => expect(maskContacts(text)).toBe(masked));

test.each([
  '1690000000000x123456789',
  'c0ffee00-1234-5678-9012-123456789012',
  '2024-01-31T09:00:00.000Z and +08:00 and +0800',
  '12345 of 1000000 records, more than 50 %',
  'amount 1,234.50 of 5551234567',
])('text that only resembles a contact is not hidden: %s', (text) => expect(maskContacts(text)).toBe(text));

test('a message may quote any value', () => {
  expect(maskMessage('role "Jane Doe" is unknown; mail jane@x.io')).toBe('role "***" is unknown; mail ***@***');
});

test('each message of a failure group is masked by itself: an open quote does not uncover a value of the next', () => {
  const variants = [
    { message: 'is not a size (5" wide)', count: 2 },
    { message: 'is not a role ("Ana Cruz")', count: 1 },
  ];
  const group = {
    group: 'g',
    entity: 'users',
    stage: 'transform',
    status: 'rejected',
    code: 'X',
    field: null,
  } as const;
  const rest = { count: 4, remedy: '', severity: 'error', examples: [], message: variantsText(variants, 4) };
  expect(maskFailure({ ...group, ...rest, variants })).toMatchObject({
    message: '2: is not a size (5" wide); 1: is not a role ("***"); 1: other messages',
    variants: [variants[0], { message: 'is not a role ("***")', count: 1 }],
  });
});
