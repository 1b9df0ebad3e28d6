import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  chooseTrialRecords,
  forecast,
  forecastText,
  isTrial,
  type TrialCandidate,
  targetSchemaOfTrial,
  trialSchema,
  wilsonInterval,
} from '../../../src/engine/trial/trial.ts';

describe('Wilson’s interval', () => {
  it.each([
    // Values of R's binom.wilson.
    [0, 100, 0, 0.037],
    [5, 100, 0.0215, 0.1118],
    [50, 100, 0.4038, 0.5962],
    [100, 100, 0.963, 1],
  ])('of %d in %d', (hits, tried, low, high) => {
    const interval = wilsonInterval(hits, tried);
    expect(interval.low).toBeCloseTo(low, 3);
    expect(interval.high).toBeCloseTo(high, 3);
  });

  it('is 0 to 1 without records, contains the share, and narrows with more records', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.float({ min: 0, max: 1, noNaN: true }), (tried, share) => {
        const hits = Math.floor(share * tried);
        const { low, high } = wilsonInterval(hits, tried);
        const wider = wilsonInterval(hits, tried);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThanOrEqual(hits / tried);
        expect(high).toBeGreaterThanOrEqual(hits / tried);
        expect(high).toBeLessThanOrEqual(1);
        const more = wilsonInterval(hits * 4, tried * 4);
        expect(more.high - more.low).toBeLessThan(wider.high - wider.low);
      }),
    );
  });
});

const kind = fc.constantFrom<TrialCandidate<number>['kind']>('settled', 'placed', 'unplaced');

test('a choice has the requested size, keeps the order and the share of settled records, and prefers rows with parents', () => {
  fc.assert(
    fc.property(fc.array(kind, { maxLength: 300 }), fc.integer({ min: 1, max: 100 }), (kinds, n) => {
      const candidates = kinds.map((one, item) => ({ item, kind: one }));
      const chosen = chooseTrialRecords(candidates, n);
      expect([...chosen].sort((a, b) => a - b)).toEqual(chosen);
      expect(new Set(chosen).size).toBe(Math.min(n, kinds.length));
      const count = (items: readonly number[], wanted: string) => items.filter((item) => kinds[item] === wanted).length;
      const all = kinds.map((_, item) => item);
      expect(
        Math.abs(count(chosen, 'settled') - (count(all, 'settled') / Math.max(1, kinds.length)) * chosen.length),
      ).toBeLessThanOrEqual(0.5);
      if (count(chosen, 'unplaced') > 0) expect(count(chosen, 'placed')).toBe(count(all, 'placed'));
    }),
  );
});

test('a forecast names every entity, also one without judged records', () => {
  const view = forecast(10, ['users', 'bookings'], [{ entity: 'users', judged: 10, rejected: 1, unjudged: 3 }]);
  expect(view.perEntity).toMatchObject({ users: { rejectRate: 0.1 }, bookings: { rejectRate: 0, low: 0, high: 1 } });
  expect(forecastText(view.perEntity.users as never)).toMatch(
    /^10\.0 % rejected \(1\.\d % to 40\.\d %.*; 10 judged, 3 lack records the trial left out\)$/,
  );
  expect(forecastText(view.perEntity.bookings as never)).toBe('nothing to judge by');
});

test('only the schema of a trial is recognized as one', () => {
  const stamp = '20260101_120000';
  const run = { scope: { trial: 5 }, stamp, targetSchema: trialSchema('bubble', stamp) };
  expect(isTrial(run)).toBe(true);
  expect(targetSchemaOfTrial(run)).toBe('bubble');
  expect(targetSchemaOfTrial({ ...run, targetSchema: 'bubble' })).toBeUndefined();
  expect(targetSchemaOfTrial({ ...run, scope: {} })).toBeUndefined();
  expect(targetSchemaOfTrial({ ...run, stamp: '20260101_120001' })).toBeUndefined();
  expect(() => trialSchema('x'.repeat(60), stamp)).toThrow(/too long for a trial's suffix/);
});
