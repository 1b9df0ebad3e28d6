import { expect, test } from 'vitest';
import { matchType, resolveBubbleType } from '../../../src/sources/bubble/api.ts';
import { neverAborted } from '../read-pages.ts';
import { fakeBubble } from './fake-bubble.ts';

test.each([
  [['clientprofile'], ['user', 'clientprofile'], 'clientprofile'],
  [['client_profile'], ['user', 'clientprofile'], 'clientprofile'],
  [['client_profiles'], ['user', 'clientprofile'], 'clientprofile'],
  [['Client Profile'], ['clientprofiles'], 'clientprofiles'],
  [['company'], ['companies'], 'companies'],
  [['address'], ['address'], 'address'],
  [['booking'], ['bookings', 'booking'], 'booking'],
  [['session', 'booking'], ['bookings'], 'bookings'],
  [['payment'], ['user'], undefined],
])('%j among %j is %s', (candidates, exposed, expected) => {
  expect(matchType(candidates, exposed)).toBe(expected);
});

test('types are read from /meta in both of its forms', async () => {
  for (const types of [{ get: ['thing', 'user'] }, { types: { thing: {}, user: {} } }]) {
    expect(await resolveBubbleType(fakeBubble({ rows: [], types }).upstream, ['things'], neverAborted)).toBe('thing');
  }
});

test('for an app that hides its description each type is requested', async () => {
  expect(await resolveBubbleType(fakeBubble({ rows: [] }).upstream, ['other', 'Things'], neverAborted)).toBe('thing');
});

test('a type that does not exist is an error that lists the exposed types', async () => {
  const { upstream } = fakeBubble({ rows: [], types: { get: ['user', 'thing'] } });
  await expect(resolveBubbleType(upstream, ['booking'], neverAborted)).rejects.toMatchObject({
    code: 'UPSTREAM_NOT_FOUND',
    message: expect.stringContaining('booking'),
    remedy: expect.stringContaining('user, thing'),
  });
  const silent = fakeBubble({ rows: [] });
  await expect(resolveBubbleType(silent.upstream, ['booking'], neverAborted)).rejects.toMatchObject({
    code: 'UPSTREAM_NOT_FOUND',
  });
});
