import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordStatuses, stages } from '../../../src/contract/record-status.ts';
import type { EntityProgress } from '../../../src/contract/runs.ts';
import type { RunEntity, StageCount } from '../../../src/engine/ledger/types.ts';
import {
  countsAddUp,
  entityProgress,
  isBalanced,
  type ProgressSample,
  recordsPerSecond,
  runProgress,
} from '../../../src/engine/runs/progress.ts';

const extraction = (rest: Partial<RunEntity> = {}): RunEntity => ({
  runId: 'r', entity: 'users', position: 0, status: 'done', cursor: null, pages: 1, rescans: 0, repeated: 0, sourceTotal: null,
  watermark: null, epoch: 0, attempts: 0, mergedAt: null, loadOpen: true, errorCode: null, errorMessage: null, ...rest,
}); // biome-ignore format: a row of values

const count = fc.record<StageCount>({
  entity: fc.constantFrom('users', 'payments'),
  stage: fc.constantFrom(...stages),
  status: fc.constantFrom(...recordStatuses),
  n: fc.nat(1_000_000),
});
const now = new Date('2025-01-01T00:10:00Z');
const sample = (secondsAgo: number, done: number): ProgressSample => ({
  at: new Date(now.getTime() - secondsAgo * 1_000),
  done,
  total: 1_000,
});

describe('the progress of an entity', () => {
  it('balances for all counts, because every record is counted once', () => {
    fc.assert(
      fc.property(fc.array(count), (counts) => {
        const progress = entityProgress(extraction(), counts);
        const waiting = stages.reduce((sum, stage) => sum + progress.waiting[stage], 0);
        expect(countsAddUp(progress)).toBe(true);
        expect(waiting).toBe(progress.pending);
        expect(progress.extracted).toBe(
          counts.filter((one) => one.entity === 'users').reduce((sum, one) => sum + one.n, 0),
        );
      }),
    );
  });

  it('does not balance when a record is missing, a counter fell below zero, or the source fell short', () => {
    const counts: StageCount[] = [{ entity: 'users', stage: 'reconcile', status: 'reconciled', n: 3 }];
    const of = (rest: Partial<RunEntity>, change: Partial<EntityProgress> = {}) =>
      isBalanced({ users: { ...entityProgress(extraction(rest), counts), ...change } });
    expect(of({})).toBe(true);
    expect(of({ sourceTotal: 3 })).toBe(true);
    expect(of({ sourceTotal: 4 })).toBe(false);
    expect(of({ sourceTotal: 4, status: 'reading' })).toBe(true);
    expect(of({ status: 'failed' })).toBe(false);
    expect(of({}, { extracted: 4 })).toBe(false);
    expect(of({}, { reconciled: 4, pending: -1 })).toBe(false);
  });
});

describe('the rate', () => {
  it('is what was done in the last half minute, seen from now', () => {
    expect(recordsPerSecond([sample(300, 0), sample(20, 1_000), sample(10, 1_500), sample(0, 2_000)], now)).toBe(50);
    expect(recordsPerSecond([sample(20, 1_000), sample(15, 2_000)], now)).toBe(50);
    expect(recordsPerSecond([], now)).toBe(0);
    expect(recordsPerSecond([sample(0.5, 1), sample(0, 9)], now)).toBe(0);
  });

  it('is not negative after a replay, and does not depend on the order of samples', () => {
    expect(recordsPerSecond([sample(0, 600), sample(10, 1_000), sample(5, 500)], now)).toBe(10);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: -10, max: 100 }), fc.nat(1_000))), (samples) => {
        const rate = recordsPerSecond(
          samples.map(([ago, done]) => sample(ago, done)),
          now,
        );
        expect(rate).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(rate)).toBe(true);
      }),
    );
  });
});

describe('the progress of a run', () => {
  const progress = (
    counts: readonly StageCount[],
    rest: Partial<RunEntity>,
    status: 'running' | 'paused' = 'running',
  ) =>
    runProgress({
      status,
      entities: { users: entityProgress(extraction(rest), counts) },
      samples: [sample(10, 0), sample(0, 100)],
      now,
    });
  const of = (pending: number, reconciled: number): StageCount[] => [
    { entity: 'users', stage: 'load', status: 'pending', n: pending },
    { entity: 'users', stage: 'reconcile', status: 'reconciled', n: reconciled },
  ];

  it('is 100 % when everything is done and not before', () => {
    expect(progress(of(0, 10), {})).toEqual({ percent: 100, perSecond: 10, etaSeconds: 0 });
    expect(progress(of(1, 99_999), {}).percent).toBe(99.9);
    expect(progress(of(0, 10), { status: 'reading' }).percent).toBe(99.9);
    expect(progress(of(0, 10), { status: 'reading', sourceTotal: 40 }).percent).toBe(25);
    expect(progress([], { status: 'reading' }).percent).toBe(0);
    expect(progress([], {}).percent).toBe(100);
  });

  it('has an ETA only when it can be known', () => {
    expect(progress(of(500, 500), {}).etaSeconds).toBe(50);
    expect(progress(of(0, 500), { status: 'reading', sourceTotal: 1_000 }).etaSeconds).toBe(50);
    expect(progress(of(500, 500), { status: 'reading' }).etaSeconds).toBeNull();
    expect(progress(of(500, 500), {}, 'paused')).toEqual({ percent: 50, perSecond: 0, etaSeconds: null });
  });

  it('stays between 0 and 100', () => {
    fc.assert(
      fc.property(
        fc.array(count),
        fc.option(fc.nat(1_000_000)),
        fc.constantFrom('reading', 'done', 'failed'),
        (counts, sourceTotal, status) => {
          const { percent, etaSeconds } = progress(counts, { sourceTotal, status });
          expect(percent).toBeGreaterThanOrEqual(0);
          expect(percent).toBeLessThanOrEqual(100);
          expect(etaSeconds ?? 0).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});
