import { type DroverError, describeError, toDroverError } from '../../errors.ts';
import type { Run } from '../ledger/types.ts';
import { assertVersion } from '../runs/context.ts';
import { completeIfSettled } from './complete-run.ts';
import { dispatchDueWork } from './dispatch.ts';
import { openLoadGates } from './load-gates.ts';
import type { ScheduledRun, SchedulerDeps, SchedulerMemory } from './types.ts';

export interface Scheduler {
  start(): void;
  /** Ends after the tick under way. */
  stop(): Promise<void>;
}

// A window holds what the fleet works on for a second or more, and a tick costs a dozen statements.
const busyTickMs = 100;

// A process that does not lead asks again this often whether the leader is gone.
const standbyMs = 1_000;

/**
 * Keeps runs going: one process of the fleet at a time gives out due records, opens gates, takes back what was lost
 * and ends what is done. Everything it knows is in PostgreSQL, so any process may be the next.
 */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const memory: SchedulerMemory = { finishing: new Map(), sweptAt: 0, sampledAt: new Map() };
  let stopped = false;
  let loop: Promise<void> = Promise.resolve();
  let wake: () => void = () => undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  async function run(): Promise<void> {
    while (!stopped) {
      const leads = await deps.leadership.hold();
      const busy = leads ? await tick(deps, memory).catch((thrown: unknown) => logFailure(deps, thrown)) : undefined;
      // A tick that filled a window has more to give; it only leaves the workers time to take some. One that failed will
      // fail again in 200 ms.
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
      wake();
      await loop;
    },
  };
}

async function tick(deps: SchedulerDeps, memory: SchedulerMemory): Promise<boolean> {
  await sweepIfDue(deps, memory);
  const conducted: ScheduledRun[] = [];
  for (const run of await deps.store.activeRuns()) {
    const ready = await advanceRun(deps, run, memory).catch((thrown: unknown) =>
      failRun(deps, run, toDroverError(thrown)),
    );
    if (ready) conducted.push(ready);
  }
  // From here on Redis is needed. While it is away runs begin, pause, are cancelled and end all the same.
  await detectNewRedis(deps);
  return dispatchDueWork(deps, conducted);
}

/** Not at every tick: it reads past what was finished since the last vacuum, 7 ms where records move fast. */
async function sweepIfDue(deps: SchedulerDeps, memory: SchedulerMemory): Promise<void> {
  if (Date.now() - memory.sweptAt < Math.min(1_000, deps.sweepAgeMs / 4)) return;
  const swept = await deps.store.sweep(deps.sweepAgeMs);
  memory.sweptAt = Date.now();
  if (swept > 0) deps.log.warn({ swept }, 'took back records that were given out and never finished');
}

/** Takes one run a step on; answers it when its records may be given out. */
async function advanceRun(deps: SchedulerDeps, run: Run, memory: SchedulerMemory): Promise<ScheduledRun | undefined> {
  if (run.status === 'pausing' || run.status === 'cancelling') return completePauseOrCancel(deps, run);
  const plan = deps.plan(run.plan);
  assertVersion(run, plan);
  if (run.status === 'pending') {
    await deps.prepareTarget(plan, run);
    await deps.runs.move(run.id, 'running', null);
    return undefined;
  }
  const counts = await deps.store.counts(run.id);
  if (counts.some((count) => count.status === 'blocked')) await deps.store.unblock(run.id);
  const conducted = { run, plan, counts };
  await openLoadGates(deps, conducted);
  await completeIfSettled(deps, conducted, memory);
  return conducted;
}

/** A pause or cancel is complete when nobody holds a record, or when who holds one has had time enough. */
async function completePauseOrCancel(deps: SchedulerDeps, run: Run): Promise<undefined> {
  const held = await deps.store.countInFlight(run.id);
  if (held > 0 && Date.now() - run.statusAt.getTime() < deps.graceMs) return;
  if (held > 0) await deps.store.fenceRun(run.id);
  await deps.runs.move(run.id, run.status === 'pausing' ? 'paused' : 'cancelled', run.reason);
}

/** What may pass is left for the next tick; what will not stops the run and says why. */
async function failRun(deps: SchedulerDeps, run: Run, error: DroverError): Promise<undefined> {
  if (error.class === 'transient' || error.class === 'throttled') return logFailure(deps, error, run.id);
  await deps.runs.move(run.id, 'failed', describeError(error));
}

function logFailure(deps: SchedulerDeps, thrown: unknown, runId?: string): undefined {
  const error = toDroverError(thrown);
  deps.log.error({ code: error.code, runId }, `conductor: ${error.message}`);
}

/** A Redis that does not carry the id we wrote is a new and empty one, and looks as if all work were done. */
async function detectNewRedis(deps: SchedulerDeps): Promise<void> {
  const [ours, theirs] = await Promise.all([deps.store.redisId(), deps.redis.read()]);
  if (theirs !== null && ours === theirs) return;
  const taken = await deps.store.resetDispatched();
  const id = theirs ?? `${deps.name}-${Date.now()}`;
  await deps.redis.write(id);
  await deps.restoreOverrides();
  await deps.store.setRedisId(id);
  if (ours !== undefined) deps.log.warn({ taken }, 'Redis was emptied or replaced; its work is given out again');
}
