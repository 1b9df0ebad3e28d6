import { createReconcileStage } from '../src/engine/stages/reconcile.ts';
import type { QueueSetup } from './queues.ts';
import { createQueueWorker, createStageBatches, processRecords } from './stage-worker.ts';

/** The reconcile queue: what the target holds against what the source says. */
export const startReconcile: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stage = createStageBatches(
    createReconcileStage({ ...deps, apis: services.api.apis, target: services.postgres }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  return { worker: createQueueWorker({ services, connection, queue: 'reconcile', concurrency, process }) };
};
