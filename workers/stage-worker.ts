import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { pagesJob, type QueueName, type RecordsJob, recordsJob } from '../queues/table.ts';
import type { RecordRef } from '../src/engine/ledger/types.ts';
import { type Coalescer, createCoalescer } from '../src/engine/stages/batching.ts';
import type { RecordResult } from '../src/engine/stages/stage.ts';
import type { Services } from './services.ts';

export type StageFunction = (refs: readonly RecordRef[]) => Promise<readonly (RecordResult | Promise<RecordResult>)[]>;

export interface WorkerOptions {
  readonly services: Services;
  readonly connection: Worker['opts']['connection'];
  readonly queue: QueueName;
  readonly concurrency: number;
  readonly process: (job: Job) => Promise<void>;
}

/** A worker that can give back what it is at work on. */
export type QueueWorker = Worker & { handBack(): void };

/** A BullMQ worker with the fleet's settings: dead workers' jobs come back, and are not failed for it. */
export function createQueueWorker(options: WorkerOptions): QueueWorker {
  const { config, logger } = options.services;
  const underWay = createJobReleaser(options.services);
  // Of two parameters: BullMQ makes an AbortController for every job of a processor that takes the signal as well.
  const process = (job: Job, token?: string) => underWay.run(job, token, () => options.process(job));
  const worker = new Worker(options.queue, process, {
    connection: options.connection,
    prefix: config.redisPrefix,
    concurrency: options.concurrency,
    lockDuration: config.lockDurationMs,
    stalledInterval: config.stalledIntervalMs,
    // Tries are counted in PostgreSQL; BullMQ's default fails a job for good at the second killed worker.
    maxStalledCount: 1_000,
  });
  worker.on('error', (error) => logger.warn({ err: error, queue: options.queue }, 'worker'));
  return Object.assign(worker, { handBack: underWay.releaseAll });
}

/** The ways of a record through one stage of this process. */
export interface StageBatches {
  /** Jobs that arrive together go to the stage together: a worker running hundreds of one-record jobs writes in sets. */
  readonly batched: Coalescer<RecordRef, RecordResult>;
  /** What came back from a dead worker, few at a time and one set after the other. */
  readonly smallBatches: Coalescer<RecordRef, RecordResult>;
  /** What came back again: one record at a time. */
  readonly oneAtATime: (work: () => Promise<readonly RecordResult[]>) => Promise<readonly RecordResult[]>;
  readonly stage: StageFunction;
}

export function createStageBatches(stage: StageFunction): StageBatches {
  let last: Promise<unknown> = Promise.resolve();
  return {
    batched: createCoalescer(stage, { maxItems: 500, parallel: 2 }),
    smallBatches: createCoalescer(stage, { maxItems: 16, parallel: 1 }),
    oneAtATime: (work) => {
      const turn = last.then(work, work);
      last = turn.catch(() => undefined);
      return turn;
    },
    stage,
  };
}

/** Runs a records job; a record that ends badly fails its job, so that support sees it in the board. */
export async function processRecords(services: Services, batches: StageBatches, job: Job): Promise<void> {
  const { run, records, suspect = false } = parseRecordsJob(job);
  const refs = records.map(([id, epoch]) => ({ id, epoch }));
  const begun = performance.now();
  // 0: never in a dead worker's hands; 1: once; more: again.
  const deaths = job.stalledCounter + (suspect ? 2 : 0);
  const results = await (deaths === 0
    ? batches.batched.submit(refs)
    : reprocessLostRecords(services, batches, deaths, refs));
  const ms = performance.now() - begun;
  services.latency.record(job.queueName, ms);
  // What came back from a dead worker is worked on slowly, by itself, and says nothing of batches.
  if (deaths === 0) services.batches.record(run, job.queueName as QueueName, { records: refs.length, ms });
  const ended = results.filter((result) => result.kind === 'ended');
  if (ended.length === 0) return;
  // Codes only: a message may quote a value, and what BullMQ keeps is in Redis.
  const codes = [...new Set(ended.map((result) => result.code))].join(', ');
  throw new UnrecoverableError(`${ended.length} of ${refs.length}: ${codes}`);
}

/**
 * What came back from a dead worker. One record may have killed it, and hundreds were in its hands: were they taken up
 * together again, all of them would use up their tries with the one. So a batch is taken apart, single records go in
 * small company, and what comes back from there goes alone; only then does a death count as a try.
 */
async function reprocessLostRecords(
  services: Services,
  batches: StageBatches,
  deaths: number,
  refs: readonly RecordRef[],
): Promise<readonly RecordResult[]> {
  const lost = (counts: boolean): Promise<RecordRef[]> =>
    services.ledger.recordLostWorker(refs, services.config.maxAttempts, services.name, counts);
  if (refs.length > 1) {
    await services.ledger.release(await lost(false));
    return [];
  }
  if (deaths === 1) return batches.smallBatches.submit(await lost(false));
  return batches.oneAtATime(async () => Promise.all(await batches.stage(await lost(true))));
}

function parseRecordsJob(job: Job): RecordsJob {
  const parsed = recordsJob.safeParse(job.data);
  if (!parsed.success) throw new UnrecoverableError('this is no job of ours: its data names no records');
  return parsed.data;
}

/** Jobs under way that can be given back before they are done. */
export interface JobReleaser {
  /** Does the job's work, or ends sooner when it is given back: whatever still comes of the work then is too late. */
  run(job: Job, token: string | undefined, work: () => Promise<void>): Promise<void>;
  /** Gives back everything under way. */
  releaseAll(): void;
}

export function createJobReleaser(services: Services): JobReleaser {
  // Not BullMQ's signal: it would cost an AbortController a job, for something that happens once in a process's life.
  const underWay = new Set<() => void>();
  return {
    run: (job, token, work) =>
      new Promise((resolve, reject) => {
        const leave = (): void => void releaseJob(services, job, token).then(resolve, reject);
        underWay.add(leave);
        work()
          .finally(() => underWay.delete(leave))
          .then(resolve, reject);
      }),
    releaseAll: () => {
      for (const leave of underWay) leave();
    },
  };
}

/** Neither counts as a try nor as a stall, as the jobs of a worker would that was closed over them. */
async function releaseJob(services: Services, job: Job, token: string | undefined): Promise<void> {
  try {
    // The ledger gives it out again at once, under another epoch. This job has nothing left to say then, and ends.
    await releaseWork(services, job);
  } catch {
    // Without PostgreSQL the job itself goes back.
    await job.moveToWait(token);
    throw new WaitingError();
  }
}

async function releaseWork({ ledger, runs }: Services, job: Job): Promise<void> {
  const pages = pagesJob.safeParse(job.data);
  if (pages.success) return runs.yieldExtraction(pages.data.run, pages.data.entity, pages.data.epoch, 0);
  await ledger.release(recordsJob.parse(job.data).records.map(([id, epoch]) => ({ id, epoch })));
}
