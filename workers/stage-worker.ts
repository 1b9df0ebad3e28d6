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

/** A worker that can release the jobs in progress. */
export type QueueWorker = Worker & { releaseAll(): void };

/** A BullMQ worker with the fleet's settings: jobs of lost workers return to the queue and do not fail. */
export function createQueueWorker(options: WorkerOptions): QueueWorker {
  const { config, logger } = options.services;
  const releaser = createJobReleaser(options.services);
  // Two parameters only: for a processor that takes the signal too, BullMQ creates an AbortController for every job.
  const process = (job: Job, token?: string) => releaser.run(job, token, () => options.process(job));
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
  return Object.assign(worker, { releaseAll: releaser.releaseAll });
}

/** The batches in which records pass through one stage of this process. */
export interface StageBatches {
  /** Jobs that arrive together go to the stage together: a worker running hundreds of one-record jobs writes in sets. */
  readonly batched: Coalescer<RecordRef, RecordResult>;
  /** Records of a lost worker: few at a time and one batch after the other. */
  readonly smallBatches: Coalescer<RecordRef, RecordResult>;
  /** Records that lost their worker again: one at a time. */
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

/** Runs a records job; a record that settles as a failure fails its job, so that support sees it in the board. */
export async function processRecords(services: Services, batches: StageBatches, job: Job): Promise<void> {
  const { run, records, suspect = false } = parseRecordsJob(job);
  const refs = records.map(([id, epoch]) => ({ id, epoch }));
  const begun = performance.now();
  // How often its worker was lost: 0 never, 1 once, more: again.
  const lossCount = job.stalledCounter + (suspect ? 2 : 0);
  const results = await (lossCount === 0
    ? batches.batched.submit(refs)
    : reprocessLostRecords(services, batches, lossCount, refs));
  const ms = performance.now() - begun;
  services.latency.record(job.queueName, ms);
  // Jobs of lost workers are processed slowly on purpose and excluded from batch-size tuning.
  if (lossCount === 0) services.batches.record(run, job.queueName as QueueName, { records: refs.length, ms });
  const ended = results.filter((result) => result.kind === 'ended');
  if (ended.length === 0) return;
  // Codes only: a message may quote a value, and what BullMQ keeps is in Redis.
  const codes = [...new Set(ended.map((result) => result.code))].join(', ');
  throw new UnrecoverableError(`${ended.length} of ${refs.length}: ${codes}`);
}

/**
 * Processes records of a lost worker. One record may have killed it, and it may have held hundreds: processed together
 * again, all of them would use up their tries. So a batch is split into single records, those go in small batches, and
 * records that lose their worker again go alone; only then does the loss count as a try.
 */
async function reprocessLostRecords(
  services: Services,
  batches: StageBatches,
  lossCount: number,
  refs: readonly RecordRef[],
): Promise<readonly RecordResult[]> {
  const recordLoss = (counts: boolean): Promise<RecordRef[]> =>
    services.ledger.recordLostWorker(refs, services.config.maxAttempts, services.name, counts);
  if (refs.length > 1) {
    await services.ledger.release(await recordLoss(false));
    return [];
  }
  if (lossCount === 1) return batches.smallBatches.submit(await recordLoss(false));
  return batches.oneAtATime(async () => Promise.all(await batches.stage(await recordLoss(true))));
}

function parseRecordsJob(job: Job): RecordsJob {
  const parsed = recordsJob.safeParse(job.data);
  if (!parsed.success) throw new UnrecoverableError('not a job of this queue: its data names no records');
  return parsed.data;
}

/** Jobs in progress that can be released before they are done. */
export interface JobReleaser {
  /** Does the job's work, or ends early when the job is released; later results of the work are ignored. */
  run(job: Job, token: string | undefined, work: () => Promise<void>): Promise<void>;
  /** Releases all jobs in progress. */
  releaseAll(): void;
}

export function createJobReleaser(services: Services): JobReleaser {
  // Not BullMQ's signal: it would cost an AbortController a job, for something that happens once in the life of a process.
  const inProgress = new Set<() => void>();
  return {
    run: (job, token, work) =>
      new Promise((resolve, reject) => {
        const release = (): void => void releaseJob(services, job, token).then(resolve, reject);
        inProgress.add(release);
        work()
          .finally(() => inProgress.delete(release))
          .then(resolve, reject);
      }),
    releaseAll: () => {
      for (const release of inProgress) release();
    },
  };
}

/** Counts neither as a try nor as a stall. */
async function releaseJob(services: Services, job: Job, token: string | undefined): Promise<void> {
  try {
    // The records are dispatched again at once, under another epoch, and this job ends.
    await releaseWork(services, job);
  } catch {
    // Without PostgreSQL the job itself returns to its queue.
    await job.moveToWait(token);
    throw new WaitingError();
  }
}

async function releaseWork({ ledger, runs }: Services, job: Job): Promise<void> {
  const pages = pagesJob.safeParse(job.data);
  if (pages.success) return runs.yieldExtraction(pages.data.run, pages.data.entity, pages.data.epoch, 0);
  await ledger.release(recordsJob.parse(job.data).records.map(([id, epoch]) => ({ id, epoch })));
}
