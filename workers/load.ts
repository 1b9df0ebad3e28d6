import { createLoadStage } from '../src/engine/stages/load.ts';
import type { QueueSetup } from './queues.ts';
import { createQueueWorker, createStageBatches, processRecords } from './stage-worker.ts';

/** The load queue: rows into the target, and records into APIs. */
export const startLoad: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stage = createStageBatches(
    createLoadStage({ ...deps, ...services.api, leaseMs: services.config.lockDurationMs, target: services.postgres }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  return { worker: createQueueWorker({ services, connection, queue: 'load', concurrency, process }) };
};
