import { type DroverError, describeError, toDroverError } from '../../errors.ts';
import type { Run } from '../ledger/types.ts';
import { assertVersion } from '../runs/context.ts';
import { completeIfSettled } from './complete-run.ts';
import { dispatchDueWork } from './dispatch.ts';
import { openLoadGates, unblock } from './load-gates.ts';
import { listActiveRuns, readRedisId, writeRedisId } from './store.ts';
import { countInFlight, fenceRun, resetDispatched, sweep } from './sweep.ts';
import type { ScheduledRun, SchedulerDeps, SchedulerMemory } from './types.ts';

export interface Scheduler {
  start(): void;
  /** Ends after the tick under way. */
  stop(): Promise<void>;
}

// A full window is a second or more of work for the fleet, and a tick costs a dozen statements.
const busyTickMs = 100;

// How often a process that is not the leader tries to become it.
const standbyMs = 1_000;

/**
 * The scheduler: in one process of the fleet at a time it dispatches due records, opens gates, recovers lost records and
 * finishes runs. Its state is in PostgreSQL, so any process may take over.
 */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const memory: SchedulerMemory = { finishing: new Map(), sweptAt: 0, sampledAt: new Map(), failingSince: new Map() };
  let stopped = false;
  let loop: Promise<void> = Promise.resolve();
  let endPause: () => void = () => undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  async function run(): Promise<void> {
    while (!stopped) {
      const leads = await deps.leadership.tryAcquire();
      const busy = leads ? await tick(deps, memory).catch((thrown: unknown) => logFailure(deps, thrown)) : undefined;
      // After a filled window more records are due; the pause only lets the workers take some. A failed tick would fail again
      // in 200 ms.
      await pause(busy === undefined ? standbyMs : busy ? Math.min(deps.tickMs, busyTickMs) : deps.tickMs);
    }
    await Promise.allSettled(memory.finishing.values());
    await deps.leadership.release();
  }

  return {
    start: () => {
      loop = run();
    },
    stop: async () => {
      stopped = true;
      endPause();
      await loop;
    },
  };
}

async function tick(deps: SchedulerDeps, memory: SchedulerMemory): Promise<boolean> {
  await sweepIfDue(deps, memory);
  const scheduled: ScheduledRun[] = [];
  for (const run of await listActiveRuns(deps.database)) {
    const ready = await advanceRun(deps, run, memory).then(
      (advanced) => {
        memory.failingSince.delete(run.id);
        return advanced;
      },
      (thrown: unknown) => failRun(deps, run, memory, toDroverError(thrown)),
    );
    if (ready) scheduled.push(ready);
  }
  // From here on Redis is needed. Runs start, pause, are cancelled and end without it.
  await detectNewRedis(deps);
  return dispatchDueWork(deps, scheduled);
}

/** Not at every tick: the sweep reads past the dead rows since the last vacuum, 7 ms where records move fast. */
async function sweepIfDue(deps: SchedulerDeps, memory: SchedulerMemory): Promise<void> {
  if (Date.now() - memory.sweptAt < Math.min(1_000, deps.sweepAgeMs / 4)) return;
  const swept = await sweep(deps.database.$client, deps.sweepAgeMs);
  memory.sweptAt = Date.now();
  if (swept > 0) deps.log.warn({ swept }, 'recovered records that were dispatched and never completed');
}

/** Advances one run; returns it when its records may be dispatched. */
async function advanceRun(deps: SchedulerDeps, run: Run, memory: SchedulerMemory): Promise<ScheduledRun | undefined> {
  if (run.status === 'pausing' || run.status === 'cancelling') return completePauseOrCancel(deps, run);
  const plan = deps.plan(run.plan);
  assertVersion(run, plan);
  if (run.status === 'pending') {
    await deps.prepareTarget(plan, run);
    await deps.runs.move(run.id, 'running', null);
    return undefined;
  }
  const counts = await deps.runs.counts(run.id);
  if (counts.some((count) => count.status === 'blocked')) await unblock(deps.database.$client, run.id);
  const scheduled = { run, plan, counts };
  await openLoadGates(deps, scheduled);
  await completeIfSettled(deps, scheduled, memory);
  return scheduled;
}

/** A pause or cancel is complete when no worker holds a record, or after the grace period, which fences off the rest. */
async function completePauseOrCancel(deps: SchedulerDeps, run: Run): Promise<undefined> {
  const inFlight = await countInFlight(deps.database.$client, run.id);
  if (inFlight > 0 && Date.now() - run.statusAt.getTime() < deps.graceMs) return;
  if (inFlight > 0) await fenceRun(deps.database.$client, run.id);
  await deps.runs.move(run.id, run.status === 'pausing' ? 'paused' : 'cancelled', run.reason);
}

// An error that no code explains may be of a moment; one that lasts as long needs an operator.
const maxUnexplainedMs = 60_000;

/** A temporary error is left for the next tick; any other stops the run with the reason, an unexplained one after a minute. */
async function failRun(deps: SchedulerDeps, run: Run, memory: SchedulerMemory, error: DroverError): Promise<undefined> {
  const since = memory.failingSince.get(run.id) ?? Date.now();
  memory.failingSince.set(run.id, since);
  const isTemporary =
    error.code === 'INTERNAL'
      ? Date.now() - since < maxUnexplainedMs
      : error.class === 'transient' || error.class === 'throttled';
  if (isTemporary) return logFailure(deps, error, run.id);
  memory.failingSince.delete(run.id);
  await deps.runs.move(run.id, 'failed', describeError(error));
}

function logFailure(deps: SchedulerDeps, thrown: unknown, runId?: string): undefined {
  const error = toDroverError(thrown);
  deps.log.error({ code: error.code, runId }, `scheduler: ${error.message}`);
}

/** A Redis without the id that was written to it is new or was emptied: the jobs that were dispatched to it are lost. */
async function detectNewRedis(deps: SchedulerDeps): Promise<void> {
  const [known, actual] = await Promise.all([readRedisId(deps.database), deps.redis.read()]);
  if (actual !== null && known === actual) return;
  const reset = await resetDispatched(deps.database.$client);
  const id = actual ?? `${deps.name}-${Date.now()}`;
  await deps.redis.write(id);
  await deps.restoreOverrides();
  await writeRedisId(deps.database, id);
  if (known !== undefined) deps.log.warn({ reset }, 'Redis was emptied or replaced; its records are dispatched again');
}
