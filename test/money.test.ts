import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exponentOf, numericToMinor, parseAmountText, parseCurrency, toMajor, toMinor } from '../src/money.ts';

const currency = fc.constantFrom('USD', 'PHP', 'JPY', 'KWD', 'CLF', 'UGX', 'EUR');

describe('money', () => {
  it.each([
    ['1234.50', 'USD', 123450n],
    [' 0.01 ', 'EUR', 1n],
    [12.5, 'PHP', 1250n],
    ['1000', 'JPY', 1000n],
    ['1.234', 'KWD', 1234n],
    ['1.2345', 'CLF', 12345n],
    ['-5', 'USD', -500n],
    ['1.5e3', 'USD', 150000n],
    ['1.000e3', 'USD', 100000n],
    ['.50', 'USD', 50n],
    ['99999999999999999999.99', 'USD', 9999999999999999999999n],
  ])('%s %s is %s minor units', (major, code, minor) => expect(toMinor(major, code)).toBe(minor));

  it.each([
    ['0.001', 'USD'],
    ['1.000', 'PHP'],
    ['1.000', 'CLP'],
    ['150.000', 'IDR'],
    ['12.500', 'COP'],
    ['1000.0', 'JPY'],
    ['0.5', 'JPY'],
    ['.500', 'PHP'],
    ['1.000e0', 'PHP'],
    ['-.125', 'USD'],
    [0.1 + 0.2, 'USD'],
    ['', 'USD'],
    ['1,50', 'EUR'],
    ['free', 'USD'],
    [Number.NaN, 'USD'],
    [Number.POSITIVE_INFINITY, 'USD'],
  ])('%s %s is not an amount', (major, code) => {
    expect(() => toMinor(major, code)).toThrow(expect.objectContaining({ code: 'BAD_AMOUNT' }));
  });

  it.each([
    ['1,234.50', 'USD', '1234.5'],
    ['1,234', 'USD', '1234'],
    ['1,234', 'JPY', '1234'],
    ['1.234', 'KWD', '1.234'],
    ['1,234', 'KWD', undefined],
    ['0,500', 'USD', undefined],
    ['000,123', 'JPY', undefined],
    ['-0,500', 'USD', undefined],
    ['-1,500', 'USD', '-1500'],
    ['1.234', 'USD', undefined],
    ['1.000', null, undefined],
    ['1000.00', 'JPY', undefined],
    ['1000,50', 'PHP', undefined],
    ['1.234,50', 'EUR', undefined],
    ['1 234.50', 'EUR', undefined],
  ])('the text %j in %s is read only when it is not ambiguous', (text, code, amount) => {
    expect(parseAmountText(text, code)).toBe(amount);
  });

  it('reads a numeric column by its value: its scale does not indicate thousands', () => {
    expect(numericToMinor('1000.0000', 'PHP')).toBe(100_000n);
    expect(() => numericToMinor('0.0010', 'PHP')).toThrow(expect.objectContaining({ code: 'BAD_AMOUNT' }));
  });

  it('converts minor to major units and back without loss', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), currency, (minor, code) => {
        const major = toMajor(minor, code);
        expect(toMinor(major, code)).toBe(minor);
        expect(major.split('.')[1]?.length ?? 0).toBe(exponentOf(code));
      }),
    );
  });

  it('adds up exactly where floating point does not', () => {
    const cents = Array.from({ length: 1000 }, () => toMinor('0.1', 'USD')).reduce((a, b) => a + b);
    expect(toMajor(cents, 'USD')).toBe('100.00');
  });

  it('accepts currencies in any case and refuses other codes', () => {
    expect([' usd ', 'PHP', 'kwd'].map(parseCurrency)).toEqual(['USD', 'PHP', 'KWD']);
    expect(['$', 'QQQ', 'DOLLARS', ''].map(parseCurrency)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
