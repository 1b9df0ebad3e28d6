import { availableParallelism } from 'node:os';
import type { Worker } from 'bullmq';
import { Piscina } from 'piscina';
import { saveCheckpoint } from '../queues/redis.ts';
import { pagesJob, type QueueName } from '../queues/table.ts';
import { createExtractStage, type ExtractDeps, extractEntity } from '../src/engine/stages/extract.ts';
import { createLoadStage } from '../src/engine/stages/load.ts';
import { createReconcileStage } from '../src/engine/stages/reconcile.ts';
import type { StageDeps } from '../src/engine/stages/stage.ts';
import { createTransformStage, type EnrichPool } from '../src/engine/stages/transform.ts';
import type { Services } from './services.ts';
import { createQueueWorker, createStageBatches, processRecords, type QueueWorker } from './stage-worker.ts';

// Long enough to be efficient, short enough that entities alternate.
const sliceMs = 20_000;
// Waiting records are rows in PostgreSQL; the limit keeps a fast source from filling its disk.
const highWater = 50_000;

/** The extract queue: pages of whole entities, and single records that an operator enqueued. */
const startExtract: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stopping = new AbortController();
  const extract: ExtractDeps = {
    ...deps,
    store: services.runs,
    source: services.source,
    saveCheckpoint: (runId, entity, checkpoint) =>
      saveCheckpoint(services.redis, services.config.redisPrefix, runId, entity, checkpoint),
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

/** The transform queue: raw records to rows, with bcrypt in threads beside it. */
const startTransform: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const enrich = createHashPool(services.config.hashThreads);
  const stage = createStageBatches(
    createTransformStage({ ...deps, ...services.api, enrich, leaseMs: services.config.lockDurationMs }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  const worker = createQueueWorker({ services, connection, queue: 'transform', concurrency, process });
  return { worker, close: () => enrich.close() };
};

/** The load queue: rows into the target, and records into APIs. */
const startLoad: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stage = createStageBatches(
    createLoadStage({ ...deps, ...services.api, leaseMs: services.config.lockDurationMs, target: services.postgres }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  return { worker: createQueueWorker({ services, connection, queue: 'load', concurrency, process }) };
};

/** The reconcile queue: compares the target with the source. */
const startReconcile: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stage = createStageBatches(
    createReconcileStage({ ...deps, apis: services.api.apis, target: services.postgres }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  return { worker: createQueueWorker({ services, connection, queue: 'reconcile', concurrency, process }) };
};

// Duration of one hash on a core; only used to compute when a record is tried again.
const hashDurationMs = 300;

/**
 * bcrypt in threads, one fewer than the cores: on the event loop twenty hashes at once blocked it for two seconds. A record
 * without a slot waits in the ledger, so hashing never fills the worker's job slots.
 */
function createHashPool(threads = Math.max(1, availableParallelism() - 1)): EnrichPool & { close(): Promise<void> } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const pool = new Piscina<string, string>({
    filename: new URL(`./hash-thread.${extension}`, import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 10_000,
    // A thread from the TypeScript sources needs the loader too, and not every parent (vitest) passes it on.
    ...(extension === 'ts' ? { execArgv: ['--import', 'tsx'] } : {}),
  });
  const slots = threads * 2; // one being hashed and one waiting for each thread: no idle threads, no long queue
  let taken = 0;
  return {
    reserve() {
      // With jitter over a few hash durations, so that the records do not all return at once.
      if (taken >= slots) return Math.round(hashDurationMs * (1 + 4 * Math.random()));
      taken += 1;
      return undefined;
    },
    release() {
      taken -= 1;
    },
    hashPassword: (plain) => pool.run(plain),
    close: () => pool.close({ force: true }),
  };
}

export interface QueueContext {
  readonly services: Services;
  readonly deps: StageDeps;
  readonly connection: Worker['opts']['connection'];
  readonly concurrency: number;
}

export interface RunningQueue {
  readonly worker: QueueWorker;
  /** Asks long work to end at its next step. */
  readonly requestStop?: () => void;
  /** Closes resources of the queue's work. */
  readonly close?: () => Promise<void>;
}

type QueueSetup = (context: QueueContext) => RunningQueue;

/** Starts the worker of each queue. */
export const queueSetups: Readonly<Record<QueueName, QueueSetup>> = {
  extract: startExtract,
  transform: startTransform,
  load: startLoad,
  reconcile: startReconcile,
};
