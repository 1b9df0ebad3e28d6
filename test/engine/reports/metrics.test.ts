import { describe, expect, it } from 'vitest';
import type { Stage } from '../../../src/contract/record-status.ts';
import {
  describeError,
  findUpstreamInMessage,
  type MetricsInput,
  metricsOf,
} from '../../../src/engine/reports/metrics.ts';
import { errorKinds, kindOf } from '../../../src/errors.ts';
import { entityProgress, failureGroup } from '../../helpers/run-fixtures.ts';

const input = (changes: Partial<MetricsInput> = {}): MetricsInput => ({
  view: {
    status: 'completed_with_failures',
    reason: null,
    startedAt: '2024-01-15T14:00:00.000Z',
    finishedAt: '2024-01-15T14:01:40.000Z',
    entities: {
      products: entityProgress({ extracted: 1_000, reconciled: 900, skipped: 50, rejected: 30, failed: 20 }),
    },
  },
  failures: [
    failureGroup({ code: 'BAD_AMOUNT', stage: 'transform', count: 30 }),
    failureGroup({ code: 'TRIES_USED_UP', stage: 'load', count: 20 }),
  ],
  tries: [
    { stage: 'transform', code: 'BAD_AMOUNT', upstream: null, count: 30 },
    { stage: 'load', code: 'UPSTREAM_RATE_LIMIT', upstream: null, count: 7 },
    { stage: 'load', code: 'UPSTREAM_TIMEOUT', upstream: 'supabase', count: 3 },
    { stage: 'extract', code: 'UPSTREAM_TIMEOUT', upstream: 'supabase', count: 2 },
  ],
  upstreams: ['supabase', 'stripe'],
  usage: {
    workers: [
      { worker: 'a', observedMs: 100_000, cpuMs: 30_000, peakRssMb: 120 },
      { worker: 'b', observedMs: 50_000, cpuMs: 20_000, peakRssMb: 150 },
    ],
    traffic: [
      { upstream: 'stripe', requests: 1_900, failed: 7, sentBytes: 1_000, receivedBytes: 9_000 },
      { upstream: 'supabase', requests: 11, failed: 2, sentBytes: 10, receivedBytes: 90 },
    ],
    alongside: [],
  },
  complete: true,
  allowed: { stripe: 90 },
  now: new Date('2024-01-15T15:00:00.000Z'),
  ...changes,
});

describe('the figures of a run', () => {
  it('are success, speed, and what the workers used together', () => {
    const metrics = metricsOf(input());
    expect(metrics).toMatchObject({ successRate: 0.95, processingRate: 10, elapsedSeconds: 100 });
    expect(metrics.resourceUsage).toMatchObject({
      memory: { peakMb: 270, largestWorkerMb: 150 },
      cpu: { seconds: 50, meanCores: 0.5 },
      network: {
        ...{ requests: 1_911, failed: 9, sentBytes: 1_010, receivedBytes: 9_090 },
        upstreams: [
          { upstream: 'stripe', perSecond: 19, allowedPerSecond: 90 },
          { upstream: 'supabase', perSecond: 0.11, allowedPerSecond: null },
        ],
      },
    });
  });

  it('never show 100 % when one record failed', () => {
    const view = {
      ...input().view,
      entities: { p: entityProgress({ extracted: 1_000_000, reconciled: 999_999, failed: 1 }) },
    };
    expect(metricsOf(input({ view })).successRate).toBe(0.9999);
    expect(metricsOf(input({ view: { ...view, entities: {} } })).successRate).toBeNull();
  });

  it('cover the time so far while a run is running, and none before it started', () => {
    expect(metricsOf(input({ view: { ...input().view, finishedAt: null } })).elapsedSeconds).toBe(3_600);
    expect(metricsOf(input({ view: { ...input().view, startedAt: null } })).processingRate).toBe(0);
  });

  it('list errors by name, severity and action, those that a retry resolved too', () => {
    expect(metricsOf(input()).errorDistribution).toMatchObject([
      {
        name: 'VALIDATION_ERROR',
        code: 'BAD_AMOUNT',
        severity: 'HIGH',
        action: 'Skip and report',
        records: 30,
        share: 0.6,
      },
      { name: 'RETRIES_EXHAUSTED', records: 20, tries: 0, share: 0.4 },
      { name: 'STRIPE_RATE_LIMIT', severity: 'MEDIUM', action: 'Retry with backoff', records: 0, tries: 7 },
      { name: 'SUPABASE_TIMEOUT', severity: 'MEDIUM', stage: 'load', records: 0, tries: 3 },
      { name: 'SUPABASE_TIMEOUT', severity: 'MEDIUM', stage: 'extract', records: 0, tries: 2 },
    ]);
  });
});

describe('what stopped a run', () => {
  it('is among its errors', () => {
    const reason = 'UPSTREAM_UNAUTHORIZED: supabase products: 401 The upstream refuses the key.';
    const view = { ...input().view, status: 'failed' as const, reason };
    expect(metricsOf(input({ view })).errorDistribution).toContainEqual(
      expect.objectContaining({
        name: 'SUPABASE_AUTHENTICATION_ERROR',
        severity: 'CRITICAL',
        action: 'Stop migration',
      }),
    );
  });
});

const named = (code: string, stage: Stage, upstreams: readonly string[]) =>
  describeError({ code, stage, upstream: null }, upstreams);

describe('names of errors', () => {
  it('exist for every code', () => {
    const upstreams = ['supabase', 'stripe'];
    expect(named('UPSTREAM_RATE_LIMIT', 'load', upstreams).name).toBe('STRIPE_RATE_LIMIT');
    expect(named('UPSTREAM_TIMEOUT', 'extract', upstreams).name).toBe('SUPABASE_TIMEOUT');
    expect(named('UPSTREAM_TIMEOUT', 'extract', ['hybrid-payments']).name).toBe('HYBRID_PAYMENTS_TIMEOUT');
    expect(named('SCHEMA', 'transform', upstreams).name).toBe('VALIDATION_ERROR');
    expect(named('CODE_OF_A_PLAN', 'transform', upstreams).name).toBe('VALIDATION_ERROR');
    expect(findUpstreamInMessage('stripe v1/products: 503', upstreams)).toBe('stripe');
    expect(findUpstreamInMessage('UPSTREAM_ERROR: supabase products: 500', upstreams)).toBe('supabase');
    expect(findUpstreamInMessage('the price is below 0', upstreams)).toBeNull();
    for (const code of Object.keys(errorKinds)) {
      const known = named(code, 'load', upstreams);
      expect(known.name).toMatch(/^[A-Z][A-Z_]+$/);
      expect(known.severity).toBe(kindOf(code).severity);
    }
  });
});
