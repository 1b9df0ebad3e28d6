import { createCheckpoints } from '../queues/fleet.ts';
import { pagesJob } from '../queues/table.ts';
import { createExtractStage, type ExtractDeps, extractEntity } from '../src/engine/stages/extract.ts';
import type { QueueSetup } from './queues.ts';
import { createQueueWorker, createStageBatches, processRecords } from './stage-worker.ts';

// Long enough to make headway, short enough that entities take turns and a pause is noticed between pages.
const sliceMs = 20_000;
// What waits is rows in PostgreSQL; the mark keeps a fast source from filling its disk ahead of the work.
const highWater = 50_000;

/** The extract queue: pages of whole entities, and single records an operator asked for. */
export const startExtract: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stopping = new AbortController();
  const extract: ExtractDeps = {
    ...deps,
    store: services.runs,
    source: services.source,
    checkpoints: createCheckpoints(services.redis, services.config.redisPrefix),
    sliceMs,
    highWater,
  };
  const records = createStageBatches(createExtractStage(extract, stopping.signal));
  const worker = createQueueWorker({
    services,
    connection,
    queue: 'extract',
    concurrency: Math.min(concurrency, 32),
    process: async (job) => {
      const pages = pagesJob.safeParse(job.data);
      if (!pages.success) return processRecords(services, records, job);
      const { run, entity, epoch } = pages.data;
      await extractEntity(extract, { runId: run, entity, epoch }, stopping.signal);
    },
  });
  return { worker, requestStop: () => stopping.abort() };
};
