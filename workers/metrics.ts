import type { Redis } from 'ioredis';
import type { Database } from '../db/client.ts';
import type { Stage } from '../src/contract/record-status.ts';
import type { BatchTuning } from '../src/contract/runs.ts';
import type { RunContexts } from '../src/engine/runs/context.ts';
import { type TunedRun, updateBatchTuning } from '../src/engine/runs/store.ts';
import { type MeasuredJob, tuneStages } from '../src/engine/stages/batch-size.ts';
import type { UpstreamEvent, UpstreamMetrics } from '../src/upstreams/options.ts';

const counterFlushMs = 2_000;

interface RedisCounters {
  /** Adds to a field of a hash; the amount may be fractional. */
  add(key: string, field: string, amount: number): void;
  stop(): Promise<void>;
}

/**
 * Counters of the whole fleet in hashes of Redis, added up here and written every two seconds. Unwritten amounts of a
 * killed process are lost, and so is everything when Redis is emptied: the counters are approximate, for graphs.
 */
export function createRedisCounters(redis: Redis): RedisCounters {
  const pending = new Map<string, Map<string, number>>();

  async function flush(): Promise<void> {
    const batch = redis.pipeline();
    for (const [key, fields] of pending) {
      for (const [field, amount] of fields) {
        if (Number.isInteger(amount)) batch.hincrby(key, field, amount);
        else batch.hincrbyfloat(key, field, amount);
      }
    }
    pending.clear();
    if (batch.length > 0) await batch.exec().catch(() => undefined);
  }

  const timer = setInterval(() => void flush(), counterFlushMs);
  timer.unref();
  return {
    add(key, field, amount) {
      const fields = pending.get(key) ?? new Map<string, number>();
      pending.set(key, fields.set(field, (fields.get(field) ?? 0) + amount));
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}

const bucketBoundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface LatencyRecorder {
  record(stage: string, ms: number): void;
}

/** Job durations as one histogram a stage for the whole fleet; the API's /metrics reads the hashes. */
export function createLatencyRecorder(counters: RedisCounters, prefix: string): LatencyRecorder {
  return {
    record(stage, ms) {
      const seconds = ms / 1_000;
      const bound = bucketBoundsSeconds.find((one) => seconds <= one);
      const key = `${prefix}:latency:${stage}`;
      counters.add(key, bound === undefined ? 'le:Infinity' : `le:${bound}`, 1);
      counters.add(key, 'sum', seconds);
      counters.add(key, 'count', 1);
    },
  };
}

/** Requests of a process to one upstream since its start. */
interface Traffic {
  readonly requests: number;
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface TrafficCounter extends UpstreamMetrics {
  totals(): Readonly<Record<string, Traffic>>;
}

/** Adds up the requests of this process by upstream, for its heartbeats. */
export function createTrafficCounter(): TrafficCounter {
  const totals = new Map<string, Traffic>();
  return {
    onRequest(event) {
      const { requests, failed, sentBytes, receivedBytes } = totals.get(event.upstream) ?? noTraffic;
      totals.set(event.upstream, {
        requests: requests + 1,
        failed: failed + Number(isFailure(event)),
        sentBytes: sentBytes + event.sentBytes,
        receivedBytes: receivedBytes + event.receivedBytes,
      });
    },
    totals: () => Object.fromEntries(totals),
  };
}

const noTraffic: Traffic = { requests: 0, failed: 0, sentBytes: 0, receivedBytes: 0 };

/** No response, or an error status; 404 is not a failure. */
function isFailure({ status }: UpstreamEvent): boolean {
  return typeof status !== 'number' || (status >= 400 && status !== 404);
}

/**
 * Counts requests by upstream, endpoint and status for the whole fleet (read by the API's /metrics) and for this process's
 * heartbeats.
 */
export function createUpstreamMeter(
  counters: RedisCounters,
  prefix: string,
  process: Pick<UpstreamMetrics, 'onRequest'>,
): UpstreamMetrics {
  const key = `${prefix}:upstream-requests`;
  return {
    onRequest(event) {
      const { upstream, endpoint, status } = event;
      // None of the three contains a tab: endpoints are names without ids, a status is a number or a code.
      counters.add(key, [upstream, endpoint, status].join('\t'), 1);
      process.onRequest(event);
    },
  };
}

const batchFlushMs = 500;
// A worker with one-record jobs finishes thousands between two writes; a few dozen are sufficient.
const maxJobsPerFlush = 64;

export interface BatchMeter {
  /** Adds a finished job of a run. */
  record(runId: string, stage: Stage, job: MeasuredJob): void;
  stop(): Promise<void>;
}

type JobsByStage = Map<Stage, MeasuredJob[]>;

/**
 * Writes job durations twice a second, for runs whose batch size is `auto`. Unwritten durations of a killed process are
 * lost and measured again.
 */
export function createBatchMeter(database: Database, contexts: RunContexts): BatchMeter {
  let pending = new Map<string, JobsByStage>();

  async function writeTuning(runId: string, measured: JobsByStage): Promise<void> {
    const { run } = await contexts.get(runId);
    if (run.batchTuning === null) return;
    await updateBatchTuning(database, runId, (before: TunedRun): BatchTuning => tuneStages(before, measured));
  }

  async function flush(): Promise<void> {
    const batch = pending;
    pending = new Map();
    await Promise.allSettled([...batch].map(([runId, measured]) => writeTuning(runId, measured)));
  }

  const timer = setInterval(() => void flush(), batchFlushMs);
  timer.unref();
  return {
    record(runId, stage, job) {
      const measured = pending.get(runId) ?? new Map<Stage, MeasuredJob[]>();
      const jobs = measured.get(stage) ?? [];
      if (jobs.length < maxJobsPerFlush) jobs.push(job);
      pending.set(runId, measured.set(stage, jobs));
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
