import { expect, test } from 'vitest';
import { benchPlan, benchRecord } from '../../../scripts/bench/plan.ts';
import type { OpenRecord, RecordRef, WrittenOutcome } from '../../../src/engine/ledger/types.ts';
import { runStage, type StageDeps } from '../../../src/engine/stages/stage.ts';
import { DroverError } from '../../../src/errors.ts';

const ref: RecordRef = { id: '1', epoch: 3 };
const opened: OpenRecord = {
  ...ref,
  runId: 'r1',
  entity: 'items',
  sourceId: 'b1',
  attempts: 0,
  targetId: null,
  mergeKey: null,
  raw: benchRecord(1),
};

/** Dependencies of a stage that all work but the queues. */
function withoutRedis(released: RecordRef[]): StageDeps {
  const written: WrittenOutcome = {
    id: '1',
    epoch: 4,
    runId: 'r1',
    entity: 'items',
    stage: 'load',
    status: 'pending',
    dispatched: true,
  };
  const ledger = {
    open: async () => [opened],
    writeOutcomes: async () => [written],
    release: async (refs: readonly RecordRef[]) => {
      released.push(...refs);
    },
  } as unknown as StageDeps['ledger'];
  const context = {
    run: { id: 'r1', batchSize: 1 },
    plan: benchPlan,
    entities: new Map([['items', { loadOpen: true }]]),
  };
  return {
    ledger,
    contexts: { get: async () => context } as unknown as StageDeps['contexts'],
    dispatcher: {
      freeSlots: () => 10,
      fillRatio: () => 0,
      dispatch: async () => {
        throw new DroverError('REDIS_UNAVAILABLE', 'Redis did not take the jobs');
      },
      dispatchExtractions: async () => undefined,
    },
    stopRun: async () => undefined,
    worker: 'test',
    maxAttempts: 8,
  };
}

test('an outcome stays written when Redis cannot take the next job, and the record is released for dispatch at once', async () => {
  const released: RecordRef[] = [];
  const outcome = { kind: 'next', stage: 'load' } as const;
  const results = await runStage(
    withoutRedis(released),
    'transform',
    { raw: true, clean: false },
    [ref],
    async () => new Map([['1', outcome]]),
  );
  expect(results).toEqual([{ kind: 'moved' }]);
  expect(released).toMatchObject([{ id: '1', epoch: 4 }]);
});
