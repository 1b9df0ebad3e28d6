import { connectWorker, onHeartbeatRequest } from '../queues/redis.ts';
import type { QueueName } from '../queues/table.ts';
import { withDeadline } from '../src/deadline.ts';
import type { StageDeps } from '../src/engine/stages/stage.ts';
import { type DroverError, describeError } from '../src/errors.ts';
import { startHeartbeat } from './heartbeat.ts';
import { startInbox } from './inbox.ts';
import { startPayments } from './payments.ts';
import { queueSetups, type RunningQueue } from './queues.ts';
import { startScheduler } from './scheduler.ts';
import { openServices, type ServiceOptions, type Services } from './services.ts';

export interface WorkerProcessOptions extends ServiceOptions {
  readonly queues: readonly QueueName[];
  /** Jobs of each queue this process works on at once. */
  readonly concurrency: number;
  /**
   * Replaces some services, for chaos tests: their workers are started by scripts of their own, observed, or run without
   * one of the guards. `workers/main.ts` does not set it.
   */
  readonly overrides?: (services: Services) => Services;
}

export interface WorkerProcess {
  readonly name: string;
  /** Starts no new work, waits for work in progress up to the grace period, and closes everything. */
  stop(): Promise<void>;
}

/** Starts one worker process: its queues, inbox, payments, heartbeat, and scheduler. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const opened = await openServices(options);
  const services = options.overrides?.(opened) ?? opened;
  const { config, logger } = services;
  let done = 0;
  const connection = connectWorker(options.redisUrl, (error) => logger.warn({ err: error }, 'redis'));
  const deps: StageDeps = {
    ledger: services.ledger,
    contexts: services.contexts,
    dispatcher: services.producer,
    stopRun: (runId, error) => stopRun(services, runId, error),
    worker: services.name,
    maxAttempts: config.maxAttempts,
    onOutcome: () => {
      done += 1;
    },
  };
  const running = options.queues.map((queue) =>
    queueSetups[queue]({ services, deps, connection, concurrency: options.concurrency }),
  );
  const scheduler = startScheduler(services);
  const inbox = startInbox(services);
  const payments = startPayments(services, options.databaseUrl);
  const heartbeat = startHeartbeat({
    workers: services.workers,
    name: services.name,
    queues: options.queues,
    concurrency: options.concurrency,
    done: () => done,
    traffic: services.traffic,
  });
  const heartbeatRequests = connectWorker(options.redisUrl, (error) => logger.warn({ err: error }, 'redis'));
  onHeartbeatRequest(heartbeatRequests, config.redisPrefix, () => void heartbeat.send());
  logger.info({ worker: services.name, queues: options.queues, concurrency: options.concurrency }, 'worker ready');
  return {
    name: services.name,
    async stop() {
      const graceMs = config.shutdownGraceMs;
      // Finishing a run may take minutes; the next scheduler starts it again.
      await Promise.all([
        drain(running, graceMs),
        endsWithin(scheduler.stop(), graceMs),
        endsWithin(inbox.stop(), graceMs),
        endsWithin(payments.stop(), graceMs),
      ]);
      // A heartbeat after the sign-off would add this process to the list of workers again.
      heartbeatRequests.disconnect();
      connection.disconnect();
      // A statement that hangs would keep the connection and this process open; the process ends without it.
      await endsWithin(heartbeat.stop().then(services.close), releaseWindowMs(graceMs));
    },
  };
}

async function stopRun(services: Services, runId: string, error: DroverError): Promise<void> {
  services.logger.error({ err: error, runId }, 'the run is stopped');
  await services.runs.move(runId, 'failed', describeError(error));
}

/**
 * Starts no new work and waits for work in progress. Jobs that have not ended shortly before the grace period does are
 * released: otherwise they would count as stalled, and their records as suspected of having killed the worker.
 */
async function drain(running: readonly RunningQueue[], graceMs: number): Promise<void> {
  for (const queue of running) queue.requestStop?.();
  const closed = Promise.allSettled(running.map((queue) => queue.worker.close()));
  const last = releaseWindowMs(graceMs);
  if (!(await endsWithin(closed, graceMs - last))) {
    for (const queue of running) queue.worker.releaseAll();
    // Forced: does not wait for Redis, which may be away, where a graceful close would hang.
    if (!(await endsWithin(closed, last))) void Promise.allSettled(running.map((queue) => queue.worker.close(true)));
  }
  await Promise.allSettled(running.map((queue) => queue.close?.()));
}

/** The end of the grace period, in which work is released, in milliseconds. */
const releaseWindowMs = (graceMs: number): number => Math.min(2_000, graceMs / 4);

/** True when the work ends within `ms`, successfully or not. */
function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const ended = work.then(
    () => true,
    () => true,
  );
  return withDeadline(ended, ms, () => new Error(`not ended within ${ms} ms`)).catch(() => false);
}
