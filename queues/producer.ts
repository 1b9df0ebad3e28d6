import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Stage } from '../src/contract/record-status.ts';
import type { Dispatcher, ExtractionJob, StageJob } from '../src/engine/ledger/types.ts';
import { DroverError } from '../src/errors.ts';
import { withDeadline } from './redis.ts';
import {
  extractionJobIdOf,
  jobIdOf,
  jobOptions,
  type PagesJob,
  type QueueName,
  queueNames,
  type RecordsJob,
} from './table.ts';

const addBatchSize = 500; // addBulk is one pipeline: a larger one would delay all other commands
const deadlineMs = 10_000;

type NewJob = { name: string; data: RecordsJob | PagesJob; opts: JobsOptions };

export interface Producer extends Dispatcher {
  readonly queues: ReadonlyMap<QueueName, Queue>;
  /** Jobs by state of one queue. Throws REDIS_UNAVAILABLE after a second. */
  depth(name: QueueName): Promise<Record<string, number>>;
  close(): Promise<void>;
}

export interface ProducerDeps {
  readonly redis: Redis;
  readonly prefix: string;
  /** Maximum number of jobs of a queue: about four times the fleet's concurrency. */
  readonly window: (stage: Stage) => number;
  readonly onError: (error: Error) => void;
}

/** Adds jobs to the queues, and measures every 100 ms how full they are. `close` ends it. */
export function createProducer(deps: ProducerDeps): Producer {
  const queues = new Map(queueNames.map((name) => [name, openQueue(deps, name)]));
  const depths = new Map<Stage, number>();
  const timer = setInterval(() => void measureAll(), 100);
  timer.unref();
  let measuring = false;

  const queue = (name: QueueName): Queue => queues.get(name) as Queue;

  async function measureAll(): Promise<void> {
    if (measuring) return;
    measuring = true;
    try {
      for (const name of queueNames) depths.set(name, pendingOf(await depthOf(queue(name))));
    } catch {
      // An unknown depth counts as full: nothing is dispatched to a Redis that does not answer.
      depths.clear();
    } finally {
      measuring = false;
    }
  }

  async function add(name: QueueName, jobs: readonly NewJob[]): Promise<void> {
    for (let at = 0; at < jobs.length; at += addBatchSize) {
      await withDeadline(queue(name).addBulk(jobs.slice(at, at + addBatchSize) as NewJob[]), deadlineMs).catch(
        throwUnavailable,
      );
    }
    const depth = depths.get(name);
    if (depth !== undefined) depths.set(name, depth + jobs.length);
  }

  return {
    queues,
    depth: (name) => depthOf(queue(name)),
    freeSlots: (stage) => {
      const depth = depths.get(stage);
      return depth === undefined ? 0 : deps.window(stage) - depth;
    },
    fillRatio: (stage) => {
      const depth = depths.get(stage);
      return depth === undefined ? 1 : depth / deps.window(stage);
    },
    async dispatch(jobs) {
      for (const name of queueNames) {
        const jobsOfQueue = jobs.filter((job) => job.stage === name);
        if (jobsOfQueue.length > 0) await add(name, jobsOfQueue.map(toRecordsJob));
      }
    },
    dispatchExtractions: (jobs) => add('extract', jobs.map(toPagesJob)),
    async close() {
      clearInterval(timer);
      await Promise.allSettled([...queues.values()].map((one) => withDeadline(one.close(), 2_000)));
    },
  };
}

function openQueue(deps: ProducerDeps, name: QueueName): Queue {
  const queue = new Queue(name, { connection: deps.redis, prefix: deps.prefix, defaultJobOptions: { ...jobOptions } });
  queue.on('error', deps.onError);
  return queue;
}

function toRecordsJob(job: StageJob): NewJob {
  const records = job.refs.map((ref): [string, number] => [ref.id, ref.epoch]);
  const data = { run: job.runId, records, ...(job.suspect ? { suspect: true } : {}) };
  return { name: job.stage, data, opts: { jobId: jobIdOf(job) } };
}

function toPagesJob(job: ExtractionJob): NewJob {
  const data = { run: job.runId, entity: job.entity, epoch: job.epoch };
  return { name: 'extract', data, opts: { jobId: extractionJobIdOf(job) } };
}

async function depthOf(queue: Queue): Promise<Record<string, number>> {
  return withDeadline(queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'failed', 'completed'), 1_000);
}

function pendingOf(counts: Record<string, number>): number {
  return ['waiting', 'active', 'delayed', 'prioritized'].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}

function throwUnavailable(error: unknown): never {
  if (error instanceof DroverError) throw error;
  throw new DroverError('REDIS_UNAVAILABLE', 'Redis did not accept the jobs', { cause: error });
}
