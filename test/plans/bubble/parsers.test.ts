import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRawAmount } from '../../../src/engine/validation/second-reading.ts';
import { exponentOf, toMajor } from '../../../src/money.ts';
import type { Json, JsonObject } from '../../../src/plan/json.ts';
import plan from '../../../src/plans/bubble/index.ts';
import { readOptionsOf } from '../../../src/plans/bubble/params.ts';
import { jsonb, list } from '../../../src/plans/bubble/parsers/json.ts';
import { amount, count, duration, numeric, readAmount } from '../../../src/plans/bubble/parsers/numbers.ts';
import { type Parser, Problem } from '../../../src/plans/bubble/parsers/parser.ts';
import { email, reference, text, url } from '../../../src/plans/bubble/parsers/text.ts';
import { bookingStatus, boolean, currency, paymentStatus, role } from '../../../src/plans/bubble/parsers/vocabulary.ts';

/** What a parser makes of a value: the value, or the code of its problem. */
function parse(parser: Parser, value: Json, row: JsonObject = {}, params: JsonObject = {}) {
  const notes: string[] = [];
  const parsed = parser(value, {
    reading: readOptionsOf(params),
    zone: undefined,
    row,
    note: (note) => notes.push(note),
  });
  return { value: parsed instanceof Problem ? parsed.code : parsed, notes };
}

const table = (parser: Parser, rows: readonly (readonly [Json, Json | undefined])[]) =>
  it.each(rows)('%j is %j', (value, wanted) => expect(parse(parser, value).value).toEqual(wanted));

describe('email', () => {
  table(email, [
    ['Ana@X.com', 'ana@x.com'],
    ['  \u00a0ana@x.com\u200b ', 'ana@x.com'],
    ['a\u200bna@x.com', 'ana@x.com'],
    ['ana+coach@x.com', 'ana+coach@x.com'],
    ['a.n.a@x.com', 'a.n.a@x.com'],
    ['josé@münchen.example', 'josé@xn--mnchen-3ya.example'],
    ['ana', 'BAD_EMAIL'],
    ['ana@@x.com', 'BAD_EMAIL'],
    ['ana@', 'BAD_EMAIL'],
    ['@x.com', 'BAD_EMAIL'],
    ['ana@localhost', 'BAD_EMAIL'],
    ['ana@x..com', 'BAD_EMAIL'],
    ['ana at x.com', 'BAD_EMAIL'],
    ['a@x.com, b@x.com', 'BAD_EMAIL'],
    ['Ana <ana@x.com>', 'BAD_EMAIL'],
    [`${'a'.repeat(65)}@x.com`, 'BAD_EMAIL'],
    ['\u200b', undefined],
  ]);
});

describe('role', () => {
  table(role, [
    ['seeker', 'client'],
    ['Seeker ', 'client'],
    ['CLIENT', 'client'],
    ['coach', 'coach'],
    ['admin', 'admin'],
    [['Coach'], 'coach'],
    ['["Coach"]', 'coach'],
    ['coach,client', 'UNKNOWN_ROLE'],
    [['coach', 'client'], 'UNKNOWN_ROLE'],
    ['wizard', 'UNKNOWN_ROLE'],
    ['Time Lord', 'UNKNOWN_ROLE'],
  ]);
  it('takes the words a run maps', () => {
    const params = { fieldMap: { values: { role: { 'Life Mentor': 'coach' } } } };
    expect(parse(role, 'life_mentor', {}, params).value).toBe('coach');
  });
});

describe('statuses', () => {
  table(bookingStatus, [
    ['complete', 'completed'],
    ['Completed ', 'completed'],
    ['canceled', 'cancelled'],
    ['No-Show', 'no_show'],
    ['confirmed', 'confirmed'],
    ['success', 'UNKNOWN_STATUS'],
    ['limbo', 'UNKNOWN_STATUS'],
  ]);
  table(paymentStatus, [
    ['success', 'succeeded'],
    ['PAID', 'succeeded'],
    ['SETTLED', 'succeeded'],
    ['COMPLETED', 'succeeded'],
    ['UNPAID', 'pending'],
    ['PENDING', 'pending'],
    ['Partially Refunded', 'partially_refunded'],
    ['S', 'UNKNOWN_STATUS'],
  ]);
});

describe('boolean', () => {
  table(boolean, [
    [true, true],
    ['yes', true],
    ['No', false],
    ['TRUE', true],
    ['False', false],
    [1, true],
    ['0', false],
    ['maybe', 'BAD_BOOLEAN'],
    [2, 'BAD_BOOLEAN'],
  ]);
});

describe('rate', () => {
  table(numeric({ precision: 10, scale: 2, min: 25, max: 500, code: 'RATE_OUT_OF_RANGE' }), [
    [120.5, '120.50'],
    ['$120/hr', '120.00'],
    ['120,00', '120.00'],
    [' 90 ', '90.00'],
    ['USD 75', '75.00'],
    ['75 EUR per hour', '75.00'],
    ['₱ 499.999', '500.00'],
    ['1.2e2', '120.00'],
    [25, '25.00'],
    [500, '500.00'],
    [24.999, 'RATE_OUT_OF_RANGE'],
    [500.01, 'RATE_OUT_OF_RANGE'],
    ['1,200', 'RATE_OUT_OF_RANGE'],
    ['120.500', 'BAD_NUMBER'],
    ['250.000 IDR', 'BAD_NUMBER'],
    [-50, 'RATE_OUT_OF_RANGE'],
    ['50-60', 'BAD_NUMBER'],
    ['about 50', 'BAD_NUMBER'],
    ['ask me', 'BAD_NUMBER'],
    ['NaN', 'BAD_NUMBER'],
    ['Infinity', 'BAD_NUMBER'],
    ['0x40', 'BAD_NUMBER'],
    ['1e999', 'BAD_NUMBER'],
    ['12 34', 'BAD_NUMBER'],
    ['1.2.3', 'BAD_NUMBER'],
    [['120'], 'BAD_NUMBER'],
  ]);
});

describe('rating', () => {
  table(numeric({ precision: 3, scale: 2, min: 0, decimals: 9 }), [
    [4.5, '4.50'],
    ['4.500', '4.50'],
    ['4,5', '4.50'],
    ['4,625', 'BAD_NUMBER'],
    [10, 'BAD_NUMBER'],
    [9.999, 'BAD_NUMBER'],
    [-1, 'BAD_NUMBER'],
  ]);
  it('rounds, and says so', () => {
    expect(parse(numeric({ precision: 3, scale: 2, min: 0 }), 4.666667)).toEqual({
      value: '4.67',
      notes: ['rounded to 2 decimals'],
    });
  });
});

describe('whole numbers', () => {
  table(count, [
    ['12', 12],
    [12, 12],
    ['60.0', 60],
    ['1,234', 1234],
    ['1.000', 'BAD_NUMBER'],
    ['1.234', 'BAD_NUMBER'],
    ['0,123,456', 'BAD_NUMBER'],
    [60.5, 'BAD_NUMBER'],
    [-1, 'BAD_NUMBER'],
    [2 ** 31, 'BAD_NUMBER'],
    ['$5', 'BAD_NUMBER'],
  ]);
  table(duration, [
    [60, 60],
    ['60', 60],
    ['60 minutes', 60],
    [0, 'BAD_DURATION'],
    [-30, 'BAD_DURATION'],
    ['an hour', 'BAD_NUMBER'],
    [45.5, 'BAD_NUMBER'],
  ]);
});

describe('amount', () => {
  const of = (value: Json, code: string, params: JsonObject = {}) =>
    parse(amount, value, { currency: code }, params).value;
  it.each([
    [120.5, 'USD', '120.50'],
    ['1,234.50', 'USD', '1234.50'],
    ['1.234,50', 'EUR', '1234.50'],
    ["1'234.50", 'CHF', '1234.50'],
    ['1 234,50', 'PLN', '1234.50'],
    ['12,34,567.00', 'INR', '1234567.00'],
    ['1,234', 'USD', '1234.00'],
    ['1,234', 'JPY', '1234'],
    ['1,234', 'KWD', 'BAD_NUMBER'],
    ['1.234', 'KWD', '1.234'],
    ['1.234', 'USD', 'BAD_AMOUNT'],
    ['1.000', 'PHP', 'BAD_AMOUNT'],
    ['0,500', 'PHP', 'BAD_AMOUNT'],
    ['.500', 'PHP', 'BAD_AMOUNT'],
    ['1.000e0', 'PHP', 'BAD_AMOUNT'],
    ['000,123', 'KWD', 'BAD_NUMBER'],
    ['$12.500', 'USD', 'BAD_AMOUNT'],
    ['150.000', 'JPY', 'BAD_AMOUNT'],
    ['1.000', 'KWD', '1.000'],
    ['1.000.000', 'IDR', '1000000.00'],
    ['1.000,00', 'EUR', '1000.00'],
    ['12.5000', 'USD', 'BAD_AMOUNT'],
    ['1,234.500', 'USD', 'BAD_AMOUNT'],
    ['1000.00', 'CLP', 'BAD_AMOUNT'],
    ['1,00', 'CLP', 'BAD_AMOUNT'],
    ['1000.00', 'PHP', '1000.00'],
    [1000, 'CLP', '1000'],
    ['0,123,456', 'PHP', 'BAD_NUMBER'],
    ['0.123.456', 'PHP', 'BAD_NUMBER'],
    ['0 500', 'PHP', 'BAD_NUMBER'],
    ["0'500", 'CHF', 'BAD_NUMBER'],
    [0.1 + 0.2, 'USD', '0.30'],
    [19.989999, 'USD', '19.99'],
    [69.465, 'EUR', 'BAD_AMOUNT'],
    [0, 'USD', 'BAD_AMOUNT'],
    [-5, 'USD', 'BAD_AMOUNT'],
    ['$5', 'USD', '5.00'],
    ['US$5', 'USD', '5.00'],
    ['€5', 'USD', 'BAD_AMOUNT'],
    ['5 PHP', 'PHP', '5.00'],
    ['5 PHP', 'USD', 'BAD_AMOUNT'],
    ['free', 'USD', 'BAD_NUMBER'],
    ['1e15', 'USD', 'BAD_AMOUNT'],
  ])('%j in %s is %s', (value, code, wanted) => expect(of(value, code)).toBe(wanted));
  it('counts minor units when the run says so', () => {
    expect(of(12050, 'USD', { amountUnit: 'minor' })).toBe('120.50');
    expect(of(12050.5, 'USD', { amountUnit: 'minor' })).toBe('BAD_AMOUNT');
    expect(of('1,234', 'KWD', { amountUnit: 'minor' })).toBe('1.234');
    expect(of('1.000', 'PHP', { amountUnit: 'minor' })).toBe('BAD_AMOUNT');
    expect(of('12050.00', 'USD', { amountUnit: 'minor' })).toBe('BAD_AMOUNT');
  });

  const money = fc.record({
    minor: fc.bigInt({ min: 1n, max: 10n ** 12n }),
    code: fc.constantFrom('USD', 'PHP', 'CLP', 'IDR', 'KWD', 'CLF'),
  });
  it('is the same as a number and as its text, and refused with a zero more than its currency has', () => {
    fc.assert(
      fc.property(money, fc.integer({ min: 1, max: 5 }), ({ minor, code }, zeros) => {
        const major = toMajor(minor, code);
        expect(of(major, code)).toBe(major);
        expect(of(Number(major), code)).toBe(major);
        expect(of(String(Number(major)), code)).toBe(major);
        const padded = `${major}${major.includes('.') ? '' : '.'}${'0'.repeat(zeros)}`;
        expect(of(padded, code)).toBe('BAD_AMOUNT');
        expect(of(`${padded}e0`, code)).toBe('BAD_AMOUNT');
      }),
    );
  });
  it('is never another amount than the one that a second reader finds in the same text', () => {
    const digits = fc.stringMatching(/^[0-9]{1,4}$/);
    const part = fc.tuple(fc.constantFrom('.', ',', ' ', "'"), digits);
    const text = fc
      .tuple(fc.constantFrom('', '-', '.'), digits, fc.array(part, { maxLength: 3 }), fc.constantFrom('', 'e0', 'e2'))
      .map(([sign, first, more, power]) => `${sign}${first}${more.flat().join('')}${power}`);
    let read = 0;
    fc.assert(
      fc.property(text, fc.constantFrom('USD', 'CLP', 'KWD'), (written, code) => {
        const found = readAmount(written, code, 'major');
        if (found instanceof Problem) return;
        read++;
        expect([written, readRawAmount(written, exponentOf(code))]).toEqual([written, found.minor]);
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  });
  it('is exact', () => {
    expect(readAmount('900719925474099.31', 'USD', 'major')).toEqual({ minor: 90071992547409931n, cleaned: false });
  });
});

describe('currency', () => {
  table(currency, [
    ['usd', 'USD'],
    [' PHP', 'PHP'],
    ['$', 'UNKNOWN_CURRENCY'],
    ['QQQ', 'UNKNOWN_CURRENCY'],
    ['DOLLARS', 'UNKNOWN_CURRENCY'],
  ]);
  it('takes the words a run maps', () => {
    expect(parse(currency, '$', {}, { fieldMap: { values: { currency: { $: 'USD' } } } }).value).toBe('USD');
  });
});

describe('list', () => {
  table(list, [
    [
      ['English', ' Tagalog ', 'English', ''],
      ['English', 'Tagalog'],
    ],
    ['English , Tagalog', ['English', 'Tagalog']],
    ['["English","Diversity, equity"]', ['English', 'Diversity, equity']],
    ["['English', 'O\\'Neil', None]", ['English', "O'Neil"]],
    ["['a' 'b']", ["['a' 'b']"]],
    ['[broken', ['[broken']],
    [' ["a"] ', ['a']],
    ['English,Tagalog', ['English', 'Tagalog']],
    ['Korea, Republic of', ['Korea, Republic of']],
    ['1,000 hours', ['1,000 hours']],
    ['Leadership, remote , Sales', ['Leadership, remote', 'Sales']],
    [
      [1, true],
      ['1', 'true'],
    ],
    [[], []],
  ]);
  it('splits at the separator of the run', () => {
    expect(parse(list, 'a; b', {}, { listSeparator: ';' }).value).toEqual(['a', 'b']);
  });
  it('keeps 5,000 items', () => {
    expect(
      parse(
        list,
        Array.from({ length: 5000 }, (_, i) => `item ${i}`),
      ).value,
    ).toHaveLength(5000);
  });
});

describe('jsonb', () => {
  const nested = JSON.parse(`${'['.repeat(150)}${']'.repeat(150)}`) as Json;
  table(jsonb, [
    ['{"a":1}', { a: 1 }],
    [{ a: [null] }, { a: [null] }],
    ['"{\\"a\\":1}"', { a: 1 }],
    ['"\\"{\\\\\\"a\\\\\\":1}\\""', { a: 1 }],
    ["{'a': None, 'b': True, 'c': \"it's\"}", { a: null, b: true, c: "it's" }],
    ['not json', { raw: 'not json' }],
    ['{"a":', { raw: '{"a":' }],
    ['{"n":12345678901234567890}', { raw: '{"n":12345678901234567890}' }],
    ['{"n":1e999}', { raw: '{"n":1e999}' }],
    ['{"t":"12345678901234567890"}', { t: '12345678901234567890' }],
    ['{"a":"\\u0000x"}', { a: 'x' }],
    ['null', undefined],
    [nested, { raw: JSON.stringify(nested) }],
  ]);
});

describe('others', () => {
  table(url, [
    ['//abc.cdn.bubble.io/f/me.png', 'https://abc.cdn.bubble.io/f/me.png'],
    [' https://x.y/z ', 'https://x.y/z'],
  ]);
  table(text, [
    ['  as it is ', '  as it is '],
    ['a\0b\ud800c😀', 'abc😀'],
    [5, '5'],
  ]);
  table(reference, [
    [' 1x2 ', '1x2'],
    [['1x2'], '1x2'],
    ['["1x2"]', '1x2'],
    [['1x2', '3x4'], 'MISSING_REFERENCE'],
    [[], undefined],
    ['NULL', undefined],
  ]);
});

describe('a word that is not known', () => {
  const said = (type: string, currency = 'PHP') => {
    const user = plan.entities.users.transform({ email: 'a@b.co', type }, { sourceId: 's', params: {} });
    const raw = { amount: 1, currency, status: 'paid', booking: '1x1', user: '1x2' };
    const payment = plan.entities.payments.transform(raw, { sourceId: 's', params: {} });
    return [user, payment].map((outcome) => ('message' in outcome ? outcome.message : ''));
  };

  it('is shown where applications use it for roles, so that it can be mapped', () => {
    expect(said('moderator')[0]).toContain('"moderator"');
    expect(said('x', 'XQZ')[1]).toContain('"XQZ"');
  });

  it('is shown where it is no code of ISO 4217 and used as one, a sign too', () => {
    expect(['btc', 'USDT', 'pesos'].map((word) => said('x', word)[1])).toEqual(
      ['btc', 'USDT', 'pesos'].map((word) => expect.stringContaining(`"${word}"`)),
    );
    expect(said('x', '\u20b1')[1]).toContain('"\u20b1"');
  });

  it('of a currency has a hash too, by which two of one length are told apart', () => {
    expect(said('x', 'Maria')[1]).toMatch(/\("aaaaa" #[0-9a-f]{8}\)/);
    expect(said('x', ' maria')[1]).toBe(said('x', 'Maria')[1]);
    expect(said('x', 'Mario')[1]).not.toBe(said('x', 'Maria')[1]);
  });

  it('shows no accents and vowel signs of its letters', () => {
    expect(said('Jose\u0301')[0]).toContain('"aaaa" #');
    expect(said('\u092e\u093e\u0930\u093f\u092f\u093e')[0]).toContain('"aaa" #');
  });

  it('is a shape and a hash where it may be a name in the wrong field; equal words have equal hashes', () => {
    const [message] = said('Maria');
    expect(message).not.toMatch(/maria/i);
    expect(message).toMatch(/"aaaaa" #[0-9a-f]{8}/);
    expect(said(' MARIA ')[0]).toBe(message);
    expect(said('Mario')[0]).not.toBe(message);
    expect(said('x', 'Ann')[1]).not.toContain('Ann');
  });
});
