import type { Control } from '../../src/contract/control.ts';
import { nextActions, type RunStatus } from '../../src/contract/run-status.ts';
import type { BatchSize, RollbackView, RunView } from '../../src/contract/runs.ts';
import { batchSizesOf } from '../../src/engine/stages/batch-size.ts';
import { DroverError } from '../../src/errors.ts';

/** A control over one map, for behaviour of HTTP that is independent of the engine. Counts the reads of a run. */
export type ControlDouble = Control & {
  reads: number;
  /** The error that reading a run throws instead. */
  failure: Error | undefined;
  put(run: RunView): void;
};

export function controlDouble(): ControlDouble {
  const runs = new Map<string, RunView>();
  const find = (id: string): RunView => {
    const run = runs.get(id);
    if (!run) throw new DroverError('NOT_FOUND', `there is no run ${id}`);
    return run;
  };
  const move = async (id: string, status: RunStatus): Promise<RunView> => {
    const run = { ...find(id), status, nextActions: nextActions({ status, rolledBackAt: null }) };
    runs.set(id, run);
    return run;
  };
  const double = {
    reads: 0,
    failure: undefined as Error | undefined,
    put: (run: RunView) => void runs.set(run.id, run),
    startRun: async (input) => {
      if (input.plan !== 'bubble') throw new DroverError('NOT_FOUND', `there is no plan ${input.plan}`);
      const run = runView(`run-${runs.size + 1}`, 'pending', input.batchSize ?? 1);
      runs.set(run.id, run);
      return run;
    },
    runs: async ({ plan }) => ({
      items: [...runs.values()].filter((run) => plan === undefined || run.plan === plan),
      nextCursor: null,
    }),
    run: async (id) => {
      double.reads += 1;
      if (double.failure) throw double.failure;
      return find(id);
    },
    pause: (id) => move(id, 'pausing'),
    resume: (id) => move(id, 'running'),
    cancel: (id) => move(id, 'cancelling'),
    retry: (id) => move(id, 'running'),
    reconcile: (id) => move(id, 'running'),
    repairPlan: async (id) => ({ runId: find(id).id, write: [], remove: [] }),
    repair: async (id) => ({ written: 0, removed: [], left: [], run: await move(id, 'running') }),
    changeBatchSize: async (id, batchSize) => {
      const run = { ...find(id), batchSize };
      runs.set(id, run);
      return run;
    },
    enqueue: async (id, { sourceIds, records }) => ({
      accepted: (sourceIds ?? records ?? []).length,
      run: find(id),
    }),
    records: async (id) => ({ items: [], nextCursor: find(id) && null }),
    history: async () => [],
    failures: async (id) => (find(id) ? [] : []),
    replay: async (id) => ({ replayed: 0, run: find(id) }),
    validate: async (id) => validation(find(id).id),
    validation: async (id) => validation(find(id).id),
    rollback: async (id, { dryRun }) => undone(find(id).id, dryRun),
    rollbackStatus: async (id) => undone(find(id).id, false),
    close: async () => undefined,
    purge: async ({ dryRun }) => ({ dryRun, complete: true, runs: [] }),
    person: async (email) => ({ email, at: '2026-01-01T00:00:00.000Z', records: [], rows: [], befores: [] }),
    reports: async (id) => [
      { name: 'migration_summary_20260101_000000.txt', mediaType: 'text/plain', bytes: 2 + Number(find(id).batchSize) },
    ],
    report: async (_id, name) =>
      name.endsWith('.csv')
        ? { mediaType: 'text/csv', body: lines() }
        : { mediaType: 'text/plain', body: 'all is well\n' },
  } satisfies ControlDouble;
  return double;
}

function undone(runId: string, dryRun: boolean): RollbackView {
  return {
    ...{ runId, dryRun, status: 'done', done: 0, total: 0, removed: 0, restored: 0 },
    ...{ conflicts: [], error: null },
  };
}

async function* lines(): AsyncGenerator<string> {
  yield 'id,name\r\n';
  yield '1,Ada\r\n';
}

export function runView(id: string, status: RunStatus, batchSize: BatchSize = 1): RunView {
  return {
    ...{
      id,
      plan: 'bubble',
      version: '1',
      strategy: 'full',
      dryRun: false,
      exportOnly: false,
      status,
      reason: null,
      batchSize,
    },
    batchSizes: batchSizesOf({ batchSize: 1, batchTuning: null }),
    ...{ targetSchema: 'bubble', createdBy: 'test', createdAt: '2026-01-01T00:00:00.000Z' },
    ...{ startedAt: null, finishedAt: null, rolledBackAt: null, rollback: null, stamp: '20240115_140000' },
    progress: { percent: 0, perSecond: 0, etaSeconds: null },
    entities: {
      users: {
        ...{ extracted: 2, reconciled: 1, skipped: 0, rejected: 0, failed: 0, blocked: 0, mismatched: 0, pending: 1 },
        ...{ sourceTotal: 2, repeated: 0, extraction: 'done' },
        waiting: { extract: 0, transform: 1, load: 0, reconcile: 0 },
      },
    },
    balanced: true,
    sums: [{ entity: 'payments', currency: 'EUR', status: 'succeeded', source: '100', target: '100', unloaded: '0' }],
    trial: null,
    derived: [],
    holdups: [],
    nextActions: nextActions({ status, rolledBackAt: null }),
  };
}

function validation(runId: string) {
  return {
    runId,
    at: '2026-01-01T00:00:00.000Z',
    dataVersion: '1',
    stale: false,
    status: 'green' as const,
    checks: [],
  };
}
