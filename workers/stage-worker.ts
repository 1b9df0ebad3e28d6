import { type Job, UnrecoverableError, Worker } from 'bullmq';
import { type QueueName, type RecordsJob, recordsJob } from '../queues/table.ts';
import { type Coalescer, createCoalescer } from '../src/engine/coalescer.ts';
import type { RecordRef } from '../src/engine/ports.ts';
import type { StageResult } from '../src/engine/stages/stage.ts';
import type { Services } from './services.ts';

export type StageFunction = (refs: readonly RecordRef[]) => Promise<readonly (StageResult | Promise<StageResult>)[]>;

export interface WorkerOptions {
  readonly services: Services;
  readonly connection: Worker['opts']['connection'];
  readonly queue: QueueName;
  readonly concurrency: number;
  readonly process: (job: Job, signal: AbortSignal) => Promise<void>;
}

/** A BullMQ worker with the fleet's settings: dead workers' jobs come back, and are not failed for it. */
export function createQueueWorker(options: WorkerOptions): Worker {
  const { config, logger } = options.services;
  const worker = new Worker(
    options.queue,
    (job: Job, _token?: string, signal?: AbortSignal) => options.process(job, signal ?? new AbortController().signal),
    {
      connection: options.connection,
      prefix: config.redisPrefix,
      concurrency: options.concurrency,
      lockDuration: config.lockDurationMs,
      stalledInterval: config.stalledIntervalMs,
      // Tries are counted in PostgreSQL; BullMQ's default fails a job for good at the second killed worker.
      maxStalledCount: 1_000,
    },
  );
  worker.on('error', (error) => logger.warn({ err: error, queue: options.queue }, 'worker'));
  return worker;
}

/** Jobs that arrive together go to the stage together: a worker running hundreds of one-record jobs writes in sets. */
export function coalesce(stage: StageFunction): Coalescer<RecordRef, StageResult> {
  return createCoalescer(stage, { maxItems: 500, parallel: 2 });
}

/** Runs a records job; a record that ends badly fails its job, so that support sees it in the board. */
export async function processRecords(
  services: Services,
  stage: Coalescer<RecordRef, StageResult>,
  job: Job,
): Promise<void> {
  const data = parse(job);
  const refs = await survivors(services, job, data);
  const begun = performance.now();
  const results = await stage.submit(refs);
  services.latency.record(job.queueName, performance.now() - begun);
  const ended = results.filter((result) => result.kind === 'ended');
  if (ended.length === 0) return;
  // Codes only: a message may quote a value, and what BullMQ keeps is in Redis.
  const codes = [...new Set(ended.map((result) => result.code))].join(', ');
  throw new UnrecoverableError(`${ended.length} of ${refs.length}: ${codes}`);
}

/**
 * A job whose worker died uses up a try of its records, and a batch is taken apart: whichever record kills workers is
 * then alone when it does.
 */
async function survivors(services: Services, job: Job, data: RecordsJob): Promise<readonly RecordRef[]> {
  const refs = data.records.map(([id, epoch]) => ({ id, epoch }));
  if (job.stalledCounter === 0) return refs;
  const left = await services.ledger.countLost(refs, services.config.maxAttempts, services.name);
  if (left.length <= 1) return left;
  await services.ledger.release(left);
  return [];
}

function parse(job: Job): RecordsJob {
  const parsed = recordsJob.safeParse(job.data);
  if (!parsed.success) throw new UnrecoverableError('this is no job of ours: its data names no records');
  return parsed.data;
}
