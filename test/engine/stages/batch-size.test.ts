import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tuning } from '../../../src/contract/runs.ts';
import {
  batchBounds,
  batchSizeOf,
  batchSizesOf,
  firstBatchSize,
  initialTuning,
  type MeasuredJob,
  tune,
  tuneStages,
} from '../../../src/engine/stages/batch-size.ts';

const target = 2_000;
const anyJob = fc.record({
  records: fc.integer({ min: 1, max: 500 }),
  ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
});
const anySize = fc.integer({ min: batchBounds.least, max: batchBounds.most });

/** A worker whose jobs take a fixed time and some more for each record; answers what the size comes to. */
function settle(from: number, fixedMs: number, perRecordMs: number, jobs = 400): Tuning[] {
  const seen: Tuning[] = [initialTuning(from)];
  for (let n = 0; n < jobs; n += 1) {
    const now = seen.at(-1) as Tuning;
    seen.push(tune(now, { records: now.size, ms: fixedMs + perRecordMs * now.size }, target));
  }
  return seen;
}

test('for any sequence of jobs the size stays between 1 and 500 and grows by half at most', () => {
  fc.assert(
    fc.property(anySize, fc.array(anyJob, { maxLength: 200 }), (from, jobs) => {
      let before = initialTuning(from);
      for (const job of jobs) {
        const after = tune(before, job, target);
        expect(after.size).toBeGreaterThanOrEqual(batchBounds.least);
        expect(after.size).toBeLessThanOrEqual(Math.min(batchBounds.most, Math.ceil(before.size * 1.5)));
        before = after;
      }
    }),
  );
});

test('the size converges to where a job takes the target time, or to a bound', () => {
  const fixed = fc.double({ min: 0, max: 1_000, noNaN: true });
  const perRecord = fc.double({ min: 0.5, max: 400, noNaN: true });
  fc.assert(
    fc.property(anySize, fixed, perRecord, (from, fixedMs, perRecordMs) => {
      const { size } = settle(from, fixedMs, perRecordMs).at(-1) as Tuning;
      const took = (records: number): number => fixedMs + perRecordMs * records;
      // A size of one more or less may be off by more than the tolerance where batches are small.
      if (size < batchBounds.most) expect(took(size + 1)).toBeGreaterThan(target / 1.2);
      if (size > batchBounds.least) expect(took(size - 1)).toBeLessThan(target * 1.2);
    }),
  );
});

test('growing from the first size to the largest takes about fifty fast jobs, without overshoot', () => {
  const seen = settle(firstBatchSize, 0, 1);
  expect(seen.findIndex(({ size }) => size === batchBounds.most)).toBeLessThan(60);
  const sizes = settle(firstBatchSize, 50, 10).map(({ size }) => size);
  expect(Math.max(...sizes)).toBeLessThan(1.2 * 200);
});

test('a faster worker never gets smaller batches', () => {
  const times = fc.array(fc.double({ min: 1, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(anySize, times, fc.double({ min: 1, max: 10, noNaN: true }), (from, ms, faster) => {
      const after = (scale: number): Tuning =>
        ms
          .slice(0, 5)
          .reduce((tuning, one) => tune(tuning, { records: from, ms: one / scale }, target), initialTuning(from));
      expect(after(faster).size).toBeGreaterThanOrEqual(after(1).size);
    }),
  );
});

test('jobs of the previous size do not rate the current size, except where the evidence is certain', () => {
  const now = initialTuning(100);
  const jobs = (job: MeasuredJob): Tuning =>
    Array.from({ length: 50 }, () => job).reduce((t, j) => tune(t, j, target), now);
  expect(jobs({ records: 50, ms: 100 })).toBe(now);
  expect(jobs({ records: 200, ms: 9_000 })).toBe(now);
  expect(jobs({ records: 50, ms: 9_000 }).size).toBeLessThan(100);
  expect(jobs({ records: 200, ms: 100 }).size).toBeGreaterThan(100);
});

test('one slow job among fast ones changes nothing; five do', () => {
  const near: MeasuredJob = { records: 100, ms: target };
  const slow: MeasuredJob = { records: 100, ms: 3 * target };
  const fold = (jobs: readonly MeasuredJob[]): number =>
    jobs.reduce((tuning, job) => tune(tuning, job, target), initialTuning(100)).size;
  expect(fold([near, near, near, near, near, near])).toBe(100);
  expect(fold([slow, slow, slow, slow])).toBe(100);
  expect(fold([slow, slow, slow, slow, slow])).toBeLessThan(50);
});

test('each stage has its own size; a stage without measurements has the first size', () => {
  const run = { batchSize: 10, batchTuning: {} };
  const quick = Array.from({ length: 5 }, (): MeasuredJob => ({ records: 10, ms: 5 }));
  const batchTuning = tuneStages(run, new Map([['load' as const, quick]]));
  expect(batchSizesOf({ ...run, batchTuning })).toEqual({ extract: 10, transform: 10, load: 15, reconcile: 10 });
  expect(batchSizeOf({ batchSize: 7, batchTuning: null }, 'load')).toBe(7);
});
