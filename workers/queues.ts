import { availableParallelism } from 'node:os';
import type { Worker } from 'bullmq';
import { Piscina } from 'piscina';
import { createCheckpoints } from '../queues/redis.ts';
import { pagesJob, type QueueName } from '../queues/table.ts';
import { createExtractStage, type ExtractDeps, extractEntity } from '../src/engine/stages/extract.ts';
import { createLoadStage } from '../src/engine/stages/load.ts';
import { createReconcileStage } from '../src/engine/stages/reconcile.ts';
import type { StageDeps } from '../src/engine/stages/stage.ts';
import { createTransformStage, type EnrichPool } from '../src/engine/stages/transform.ts';
import type { Services } from './services.ts';
import { createQueueWorker, createStageBatches, processRecords, type QueueWorker } from './stage-worker.ts';

// Long enough to make headway, short enough that entities take turns and a pause is noticed between pages.
const sliceMs = 20_000;
// What waits is rows in PostgreSQL; the mark keeps a fast source from filling its disk ahead of the work.
const highWater = 50_000;

/** The extract queue: pages of whole entities, and single records an operator asked for. */
const startExtract: QueueSetup = ({ services, deps, connection, concurrency }) => {
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

/** The reconcile queue: what the target holds against what the source says. */
const startReconcile: QueueSetup = ({ services, deps, connection, concurrency }) => {
  const stage = createStageBatches(
    createReconcileStage({ ...deps, apis: services.api.apis, target: services.postgres }),
  );
  const process = (job: Parameters<typeof processRecords>[2]) => processRecords(services, stage, job);
  return { worker: createQueueWorker({ services, connection, queue: 'reconcile', concurrency, process }) };
};

// What one hash takes of a core; only used to say when to come back.
const hashDurationMs = 300;

/**
 * bcrypt in threads, fewer than the cores: on the event loop twenty hashes at once stalled it for two seconds. A record
 * finds a place or is told when to come back, so hashing never fills the worker's slots.
 */
function createHashPool(threads = Math.max(1, availableParallelism() - 1)): EnrichPool & { close(): Promise<void> } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const pool = new Piscina<string, string>({
    filename: new URL(`./hash-thread.${extension}`, import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 10_000,
    // From the sources the thread needs the loader too, and not every parent (vitest) hands one down.
    ...(extension === 'ts' ? { execArgv: ['--import', 'tsx'] } : {}),
  });
  const places = threads * 2; // one being hashed and one waiting a thread: never idle, never a long queue
  let taken = 0;
  return {
    reserve() {
      // Spread over a few hashes' time, so that those turned away do not all come back at once.
      if (taken >= places) return Math.round(hashDurationMs * (1 + 4 * Math.random()));
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
  /** Asks work that takes long to end at its next step. */
  readonly requestStop?: () => void;
  /** Closes what the queue's work used. */
  readonly close?: () => Promise<void>;
}

type QueueSetup = (context: QueueContext) => RunningQueue;

/** Which file serves which queue. */
export const queueSetups: Readonly<Record<QueueName, QueueSetup>> = {
  extract: startExtract,
  transform: startTransform,
  load: startLoad,
  reconcile: startReconcile,
};
