import { expect, test } from 'vitest';
import type { EntityProgress } from '../../../src/contract/runs.ts';
import type { Run, RunEntity } from '../../../src/engine/ledger/types.ts';
import { type FleetState, findBlockers, type UpstreamStatus } from '../../../src/engine/runs/blockers.ts';
import { entityProgress } from '../../helpers/run-fixtures.ts';
import { shop } from '../../helpers/shop-harness.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const plan = { ...shop, upstreams: ['bubble'] };
const stages = ['extract', 'transform', 'load', 'reconcile'];
const quiet: UpstreamStatus = {
  ...{ name: 'bubble', endpoint: null, blockedUntil: null, breaker: 'closed' },
  ...{ breakerOpenUntil: null, failuresInARow: 0 },
};

interface Given {
  readonly status?: Run['status'];
  readonly reason?: string;
  readonly fleet?: Partial<FleetState>;
  readonly upstream?: Partial<UpstreamStatus>;
  readonly customers?: Partial<EntityProgress>;
  readonly payments?: Partial<EntityProgress>;
}

function told({ status = 'running', reason, fleet, upstream, customers, payments }: Given): string[] {
  const progress = { customers: entityProgress(customers), payments: entityProgress(payments) };
  const entities = Object.keys(progress).map((name) => ({ entity: name, loadOpen: name === 'customers' }));
  const holdups = findBlockers({
    ...{ plan, progress, now, entities: entities as RunEntity[] },
    run: { id: 'r1', status, reason: reason ?? null } as Run,
    fleet: { upstreams: [{ ...quiet, ...upstream }], pauses: [], servedQueues: stages, ...fleet },
  });
  return holdups.map(({ code, what, clears }) => `${code} ${what} -> ${clears}`);
}

const reading = { extraction: 'reading' } as const;
const at = (stage: string, n: number) => ({ pending: n, waiting: { ...entityProgress().waiting, [stage]: n } });

test('a run that moves has no blocker, nor one that is finished', () => {
  expect(told({ customers: { ...reading, ...at('transform', 5) } })).toEqual([]);
  expect(told({ status: 'completed', fleet: { servedQueues: [] } })).toEqual([]);
});

test('an upstream that answered 429, or whose breaker is open, blocks runs that read', () => {
  const upstream = { blockedUntil: '2026-01-01T00:00:11.200Z' };
  expect(told({ customers: reading, upstream })[0]).toMatch(
    /^UPSTREAM_THROTTLED waiting for bubble: 429, next token in 12 s -> by itself/,
  );
  expect(told({ upstream })).toEqual([]);
  expect(told({ customers: reading, upstream: { ...upstream, name: 'xendit' } })).toEqual([]);
  expect(told({ customers: reading, upstream: { blockedUntil: '2025-12-31T23:59:59.000Z' } })).toEqual([]);
  const open = { breaker: 'open', breakerOpenUntil: '2026-01-01T00:00:30.000Z', failuresInARow: 5 } as const;
  expect(told({ customers: reading, upstream: open })).toEqual([
    'BREAKER_OPEN held by the breaker of bubble: 5 requests in a row failed, tried again in 30 s -> by itself, when bubble answers again',
  ]);
});

test('a paused queue and one without workers block only the runs that need them', () => {
  const pauses = [{ queue: 'load', pausedBy: 'ana', reason: 'lunch' }];
  const waiting = { customers: at('load', 3) };
  expect(told({ ...waiting, fleet: { pauses } })).toEqual([
    'QUEUE_PAUSED queue load is paused by ana: lunch -> drover queues resume load --reason TEXT',
  ]);
  expect(told({ fleet: { pauses } })).toEqual([]);
  expect(told({ ...waiting, fleet: { servedQueues: ['transform'] } })).toEqual([
    'NO_WORKER no worker serves queue load -> start a worker that serves it: npm run worker -- --queues load',
  ]);
  expect(told({ customers: reading, fleet: { servedQueues: [] } })[0]).toContain('queue extract');
});

test('children show how many parents they wait for', () => {
  const given = { payments: at('load', 7) };
  expect(told({ ...given, customers: at('load', 2) })[0]).toMatch(
    /^WAITING_FOR_PARENTS 7 payments wait for 2 customers ->/,
  );
  expect(told({ ...given, customers: reading })[0]).toContain('customers, which are still read');
});

test('a run that does not move shows why and what clears it', () => {
  expect(told({ status: 'paused', reason: 'lunch' })).toEqual([
    'PAUSED paused: lunch -> drover resume r1 --reason TEXT',
  ]);
  expect(told({ status: 'failed', reason: 'SOURCE_FILE: gone' })[0]).toMatch(
    /^STOPPED stopped: SOURCE_FILE: gone -> .*drover retry r1$/,
  );
  expect(told({ status: 'pending', fleet: { servedQueues: [] } })[0]).toMatch(/^NO_WORKER/);
  expect(told({ status: 'pending' })).toEqual([]);
});
