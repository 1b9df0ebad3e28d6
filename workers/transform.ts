import { createTransformStage } from '../src/engine/stages/transform.ts';
import { createHashPool } from './hash-pool.ts';
import type { QueueSetup } from './queues.ts';
import { createQueueWorker, createStageBatches, processRecords } from './stage-worker.ts';

/** The transform queue: raw records to rows, with bcrypt in threads beside it. */
export const startTransform: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const enrich = createHashPool(services.config.hashThreads);
  const stage = createStageBatches(
    createTransformStage({ ...deps, ...services.api, enrich, leaseMs: services.config.lockDurationMs }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  const worker = createQueueWorker({ services, connection, queue: 'transform', concurrency, process });
  return { worker, close: () => enrich.close() };
};
