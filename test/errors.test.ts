import { expect, test } from 'vitest';
import { DroverError, describeError } from '../src/errors.ts';

test.each([
  ['the key is wrong', 'CONFIGURATION: the key is wrong. Set it.'],
  ['the key is wrong.', 'CONFIGURATION: the key is wrong. Set it.'],
  ['is it wrong?', 'CONFIGURATION: is it wrong? Set it.'],
])('reason and remedy are two sentences: %s', (message, text) => {
  expect(describeError(new DroverError('CONFIGURATION', message, { remedy: 'Set it.' }))).toBe(text);
});
