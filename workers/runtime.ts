import { connectWorker } from '../queues/connection.ts';
import { answerRollCalls } from '../queues/roll-call.ts';
import type { QueueName } from '../queues/table.ts';
import type { StageDeps } from '../src/engine/stages/stage.ts';
import type { DroverError } from '../src/errors.ts';
import { startConductor } from './conductor.ts';
import { startHeartbeat } from './heartbeat.ts';
import { queueSetups, type RunningQueue } from './queues.ts';
import { openServices, type ServiceOptions, type Services } from './services.ts';

export interface WorkerProcessOptions extends ServiceOptions {
  readonly queues: readonly QueueName[];
  /** Jobs of each queue this process works on at once. */
  readonly concurrency: number;
  /**
   * Puts other parts in the place of some: for drills, whose workers are made by scripts of their own and watch what
   * they do, or do it without one of the guards. `workers/main.ts` has no way to it.
   */
  readonly compose?: (services: Services) => Services;
}

export interface WorkerProcess {
  readonly name: string;
  /** Takes no new work, lets what is under way end within the grace period, and closes everything. */
  stop(): Promise<void>;
}

/** Starts what one worker process does: its queues, its heartbeat, and its readiness to conduct. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const opened = await openServices(options);
  const services = options.compose?.(opened) ?? opened;
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
    onFinished: () => {
      done += 1;
    },
  };
  const running = options.queues.map((queue) =>
    queueSetups[queue]({ services, deps, connection, concurrency: options.concurrency }),
  );
  const conductor = startConductor(services);
  const heartbeat = startHeartbeat({
    workers: services.workers,
    name: services.name,
    queues: options.queues,
    concurrency: options.concurrency,
    done: () => done,
    traffic: services.traffic,
  });
  const calls = connectWorker(options.redisUrl, (error) => logger.warn({ err: error }, 'redis'));
  answerRollCalls(calls, config.redisPrefix, () => void heartbeat.now());
  logger.info({ worker: services.name, queues: options.queues, concurrency: options.concurrency }, 'worker ready');
  return {
    name: services.name,
    async stop() {
      await conductor.stop();
      await drain(running, config.shutdownGraceMs);
      // A call answered after the sign-off would sign us on again.
      calls.disconnect();
      await heartbeat.stop();
      connection.disconnect();
      await services.close();
    },
  };
}

async function stopRun(services: Services, runId: string, error: DroverError): Promise<void> {
  services.logger.error({ err: error, runId }, 'the run is stopped');
  await services.runs.move(runId, 'failed', `${error.code}: ${error.message} ${error.remedy}`);
}

/** Work that does not end in time is left: its records come back by stall detection or by the sweep. */
async function drain(running: readonly RunningQueue[], graceMs: number): Promise<void> {
  for (const queue of running) queue.stopping?.();
  const closed = Promise.allSettled(running.map((queue) => queue.worker.close()));
  const timer = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), graceMs).unref());
  if ((await Promise.race([closed, timer])) === 'late') {
    // Forced: waits for nothing, also when Redis is gone and a graceful close would hang.
    void Promise.allSettled(running.map((queue) => queue.worker.close(true)));
  }
  await Promise.allSettled(running.map((queue) => queue.close?.()));
}
