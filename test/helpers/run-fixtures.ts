import type { EntityProgress, FailureGroup, RunView } from '../../src/contract/runs.ts';

export function entityProgress(changes: Partial<EntityProgress> = {}): EntityProgress {
  return {
    extracted: 0,
    reconciled: 0,
    skipped: 0,
    rejected: 0,
    failed: 0,
    blocked: 0,
    mismatched: 0,
    pending: 0,
    sourceTotal: null,
    repeated: 0,
    extraction: 'done',
    waiting: { extract: 0, transform: 0, load: 0, reconcile: 0 },
    ...changes,
  };
}

export function runView(changes: Partial<RunView> = {}): RunView {
  return {
    id: 'r1',
    plan: 'bubble',
    version: '1.0.0',
    strategy: 'full',
    dryRun: false,
    exportOnly: false,
    status: 'running',
    reason: null,
    targetSchema: 'bubble',
    batchSize: 1,
    batchSizes: { extract: 1, transform: 1, load: 1, reconcile: 1 },
    createdBy: 'admin',
    createdAt: '2024-01-15T14:00:00.000Z',
    startedAt: '2024-01-15T14:00:01.000Z',
    finishedAt: null,
    rolledBackAt: null,
    rollback: null,
    stamp: '20240115_140000',
    progress: { percent: 0, perSecond: 0, etaSeconds: null },
    entities: {},
    balanced: true,
    sums: [],
    trial: null,
    derived: [],
    holdups: [],
    nextActions: ['pause', 'cancel'],
    ...changes,
  };
}

/** A completed run without failures. */
export function completedRun(changes: Partial<RunView> = {}): RunView {
  return runView({
    status: 'completed',
    finishedAt: '2024-01-15T14:01:44.000Z',
    entities: { users: entityProgress({ extracted: 1000, reconciled: 990, skipped: 10 }) },
    sums: [
      { entity: 'payments', currency: 'USD', status: 'succeeded', source: '120050', target: '120000', unloaded: '50' },
    ],
    nextActions: ['replay', 'enqueue', 'validate', 'rollback'],
    ...changes,
  });
}

/** A completed run with failed records. */
export function runWithFailures(changes: Partial<RunView> = {}): RunView {
  return completedRun({
    status: 'completed_with_failures',
    entities: { users: entityProgress({ extracted: 1000, reconciled: 990, rejected: 6, failed: 3, blocked: 1 }) },
    nextActions: ['retry', 'replay', 'validate', 'rollback'],
    ...changes,
  });
}

export function failureGroup(changes: Partial<FailureGroup> = {}): FailureGroup {
  return {
    group: 'g1',
    entity: 'users',
    stage: 'transform',
    status: 'rejected',
    code: 'UNKNOWN_ROLE',
    field: 'type',
    count: 6,
    message: 'the role "guru" is none',
    remedy: 'Add the role to the map.',
    severity: 'HIGH',
    examples: ['1690x1', '1690x2'],
    ...changes,
  };
}
