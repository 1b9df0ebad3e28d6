import { describe, expect, it } from 'vitest';
import { compilePicker } from '../../../src/plans/bubble/picker.ts';

const pick = (candidates: readonly string[], raw: Record<string, unknown>) => compilePicker([candidates])(raw)[0];

describe('finding a column’s value', () => {
  it.each([
    ['client_user_id', 'Client User ID'],
    ['client_user_id', ' client-user-id '],
    ['Created Date', 'created_date'],
    ['first_name', 'First name?'],
    ['rate', 'ＲＡＴＥ'],
    ['email', 'email_text'],
    ['tags', 'tags_list_text'],
    ['type', 'type_option_user_role'],
    ['coach', 'coach_user'],
    ['Größe', 'GRÖSSE'],
  ])('%s is %j', (candidate, key) => {
    // ß and SS differ in lower case; everything else that only looks different is the same.
    if (candidate === 'Größe') expect(pick([candidate], { Größe: 1 })).toEqual({ key: 'Größe', value: 1 });
    else expect(pick([candidate], { [key]: 'v' })).toEqual({ key, value: 'v' });
  });

  it('takes the first candidate that holds something', () => {
    expect(pick(['a', 'b', 'c'], { c: 3, b: 2, a: ' ' })).toEqual({ key: 'b', value: 2 });
  });

  it('prefers the very name to one that only normalises to it, and that to one with a type', () => {
    expect(pick(['rate'], { rate_number: 1, Rate: 2, rate: 3 })).toEqual({ key: 'rate', value: 3 });
    expect(pick(['rate'], { rate_number: 1, Rate: 2 })).toEqual({ key: 'Rate', value: 2 });
  });

  it('does not let the order of keys decide between equals', () => {
    expect(pick(['name'], { 'Name ': 1, NAME: 2 })).toEqual(pick(['name'], { NAME: 2, 'Name ': 1 }));
  });

  it('follows paths into objects and into JSON, whatever the case', () => {
    const path = ['authentication.email.email'];
    expect(pick(path, { authentication: { email: { email: 'x' } } })?.value).toBe('x');
    expect(pick(path, { Authentication: { Email: { EMAIL: 'x' } } })?.value).toBe('x');
    expect(pick(path, { authentication: '{"email":{"email":"x"}}' })?.value).toBe('x');
    expect(pick(path, { 'authentication.email.email': 'x' })?.value).toBe('x');
    // The beginning of an object may have held the value: that is not absent.
    expect(pick(path, { authentication: '{"email": {"ema' })).toMatchObject({ isUnreadable: true });
    for (const broken of ['[]', ['{'], '["{"]', 'x', null, [], { email: 'x' }, { email: null }]) {
      expect(pick(path, { authentication: broken })).toBeUndefined();
    }
  });

  it('takes any key for a star, the first by name', () => {
    const raw = { authentication: { LinkedIn: { email: 'l' }, Google: { email: 'g' }, Apple: { email: '' } } };
    expect(pick(['authentication.*.email'], raw)?.value).toBe('g');
  });

  it('gives one field to several columns', () => {
    expect(compilePicker([['a'], ['b', 'a']])({ a: 1 })).toEqual([
      { key: 'a', value: 1 },
      { key: 'a', value: 1 },
    ]);
  });

  it('is not led astray by names objects have of their own', () => {
    expect(pick(['constructor'], {})).toBeUndefined();
    expect(pick(['a.constructor.name'], { a: {} })).toBeUndefined();
    expect(pick(['x'], JSON.parse('{"__proto__":{"x":1}}'))).toBeUndefined();
  });

  it('stays small when every record has other fields', () => {
    const picker = compilePicker([['a']]);
    for (let i = 0; i < 20_000; i++) picker({ [`made up ${i}`]: 1 });
    expect(picker({ A: 1 })[0]).toEqual({ key: 'A', value: 1 });
  });
});
