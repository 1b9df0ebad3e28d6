import type { Database } from '../../../db/client.ts';
import { createQueuePauseStore, createWorkerStore } from '../../../db/stores/fleet.ts';
import { type Stage, stages } from '../../contract/record-status.ts';
import type { Blocker, EntityProgress } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run, RunEntity } from '../ledger/types.ts';

/** The state of the fleet at the moment, to explain why a run does not move. */
export interface FleetState {
  /** Null when Redis does not answer. */
  readonly upstreams: readonly UpstreamStatus[] | null;
  readonly pauses: readonly { readonly queue: string; readonly pausedBy: string; readonly reason: string }[];
  /** Queues that a process which is alive serves. */
  readonly servedQueues: readonly string[];
}

export interface BlockerInput {
  readonly run: Run;
  readonly plan: Plan | undefined;
  readonly entities: readonly RunEntity[];
  readonly progress: Readonly<Record<string, EntityProgress>>;
  readonly fleet: FleetState | undefined;
  readonly now: Date;
}

/** Pure: why a run is slow or does not move, and what clears it. Empty for a finished run. */
export function findBlockers(input: BlockerInput): readonly Blocker[] {
  const { run, plan, fleet, now } = input;
  if (run.status !== 'running') return statusBlockers(run, fleet?.servedQueues);
  const reading = Object.values(input.progress).some(({ extraction }) => extraction === 'reading');
  const upstreams = reading && plan ? upstreamBlockers(fleet?.upstreams ?? [], plan.upstreams, now) : [];
  return [
    ...finishBlockers(input, reading),
    ...upstreams,
    ...queueBlockers(input, reading),
    ...(plan ? parentBlockers(input, plan) : []),
  ];
}

/** A run whose records are all settled and whose last attempt to validate, report and end failed. */
function finishBlockers({ run, progress }: BlockerInput, reading: boolean): Blocker[] {
  const { finishError: error, finishFailedAt: at, statusAt } = run;
  if (!error || !at || at < statusAt || reading || Object.values(progress).some(({ pending }) => pending > 0))
    return [];
  const clears = 'by itself, when the next attempt succeeds; after some attempts the run is failed';
  return [{ code: 'CANNOT_FINISH', what: `the run cannot be finished: ${error}`, clears, until: null }];
}

function queueBlockers({ progress, fleet }: BlockerInput, reading: boolean): Blocker[] {
  if (!fleet) return [];
  const all = Object.values(progress);
  const needed = stages.filter(
    (stage) => (stage === 'extract' && reading) || all.some((one) => one.waiting[stage] > 0),
  );
  return needed.flatMap((queue) => queueBlocker(fleet, queue));
}

function queueBlocker({ pauses, servedQueues: served }: FleetState, queue: Stage): Blocker[] {
  const pause = pauses.find((one) => one.queue === queue);
  if (pause) {
    const what = `queue ${queue} is paused by ${pause.pausedBy}: ${pause.reason}`;
    return [{ code: 'QUEUE_PAUSED', what, clears: `drover queues resume ${queue} --reason TEXT`, until: null }];
  }
  if (served.includes(queue)) return [];
  const clears = `start a worker that serves it: npm run worker -- --queues ${queue}`;
  return [{ code: 'NO_WORKER', what: `no worker serves queue ${queue}`, clears, until: null }];
}

/** Entities whose load has not begun although records of theirs are ready for it. */
function parentBlockers({ entities, progress }: BlockerInput, plan: Plan): Blocker[] {
  return entities.flatMap(({ entity, loadOpen }): Blocker[] => {
    const ready = progress[entity]?.waiting.load ?? 0;
    if (loadOpen || ready === 0) return [];
    const parents = (plan.entities[entity]?.dependsOn ?? []).flatMap((parent) => {
      const of = progress[parent];
      if (!of || (of.extraction === 'done' && of.pending === 0)) return [];
      return [of.extraction === 'done' ? `${of.pending} ${parent}` : `${parent}, which are still read`];
    });
    const waits = parents.length > 0 ? parents.join(' and ') : `the last ${entity}, to know which of them are merged`;
    const what = `${ready} ${entity} wait for ${waits}`;
    return [{ code: 'WAITING_FOR_PARENTS', what, clears: 'by itself, when those are settled', until: null }];
  });
}

/** Pure: why a run that is not running does not move. `served` are the queues that workers serve, where that is known. */
function statusBlockers(
  { id, status, reason }: Pick<Run, 'id' | 'status' | 'reason'>,
  served: readonly string[] | undefined,
): readonly Blocker[] {
  const suffix = reason === null ? '' : `: ${reason}`;
  switch (status) {
    case 'paused':
      return [{ code: 'PAUSED', what: `paused${suffix}`, clears: `drover resume ${id} --reason TEXT`, until: null }];
    case 'failed':
      return [
        { code: 'STOPPED', what: `stopped${suffix}`, clears: `clear the cause, then drover retry ${id}`, until: null },
      ];
    case 'pending':
    case 'pausing':
    case 'cancelling':
      return served?.length === 0 ? [noWorker] : [];
    default:
      return [];
  }
}

const noWorker: Blocker = {
  code: 'NO_WORKER',
  what: 'no worker process is alive',
  clears: 'start one: npm run worker',
  until: null,
};

/** The state of an upstream for the whole fleet. Times are ISO 8601. */
export interface UpstreamStatus {
  readonly name: string;
  readonly endpoint: string | null;
  readonly blockedUntil: string | null;
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly breakerOpenUntil: string | null;
  readonly failuresInARow: number;
}

/** Pure: upstreams of the plan that accept no requests at the moment. Endpoints share the breaker of their upstream. */
function upstreamBlockers(
  upstreams: readonly UpstreamStatus[],
  names: readonly string[],
  now: Date,
): readonly Blocker[] {
  return upstreams
    .filter(({ name }) => names.includes(name))
    .flatMap((status): Blocker[] => {
      if (status.breaker === 'open' && status.endpoint === null) return [circuitOpen(status, now)];
      return status.blockedUntil === null || status.blockedUntil <= now.toISOString() ? [] : [throttled(status, now)];
    });
}

function circuitOpen({ name, failuresInARow, breakerOpenUntil }: UpstreamStatus, now: Date): Blocker {
  const again = breakerOpenUntil === null ? '' : `, tried again in ${secondsTo(breakerOpenUntil, now)} s`;
  return {
    code: 'BREAKER_OPEN',
    what: `held by the breaker of ${name}: ${failuresInARow} requests in a row failed${again}`,
    clears: `by itself, when ${name} answers again`,
    until: breakerOpenUntil,
  };
}

function throttled({ name, endpoint, blockedUntil }: UpstreamStatus, now: Date): Blocker {
  const where = endpoint === null ? name : `${name} (${endpoint})`;
  return {
    code: 'UPSTREAM_THROTTLED',
    what: `waiting for ${where}: 429, next token in ${secondsTo(String(blockedUntil), now)} s`,
    clears: `by itself; \`drover limits ${name}\` asks for less, so that it happens less often`,
    until: blockedUntil,
  };
}

function secondsTo(at: string, now: Date): number {
  return Math.max(0, Math.ceil((Date.parse(at) - now.getTime()) / 1_000));
}

export type FleetStateReader = ReturnType<typeof createFleetStateReader>;

const maxAgeMs = 1_000;
// A request for a run does not wait longer than this for the fleet: at first there is nothing older to answer with.
const maxWaitMs = { first: 1_000, later: 200 } as const;
// Redis may hang; what PostgreSQL knows is returned without it.
const redisTimeoutMs = 500;

/** Reads the state of the fleet at most once a second, however many runs are viewed. */
export function createFleetStateReader(deps: {
  readonly database: Database;
  readonly upstreams: () => Promise<readonly UpstreamStatus[]>;
}) {
  let last: FleetState | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const begin = (): Promise<void> =>
    readFleetState(deps).then(
      (state) => {
        last = state;
        readAt = performance.now();
        reading = undefined;
      },
      () => {
        reading = undefined;
      },
    );
  return {
    /** The state of the fleet: at most a second old where it answers, or else the last known one. */
    async read(): Promise<FleetState | undefined> {
      if (performance.now() - readAt < maxAgeMs) return last;
      reading ??= begin();
      await Promise.race([reading, delay(last ? maxWaitMs.later : maxWaitMs.first)]);
      return last;
    },
  };
}

async function readFleetState({
  database,
  upstreams,
}: Parameters<typeof createFleetStateReader>[0]): Promise<FleetState> {
  const [states, pauses, workers] = await Promise.all([
    Promise.race([upstreams().catch(() => null), delay(redisTimeoutMs).then(() => null)]),
    createQueuePauseStore(database).list(),
    createWorkerStore(database).list(),
  ]);
  const alive = workers.filter((worker) => worker.alive);
  return { upstreams: states, pauses, servedQueues: [...new Set(alive.flatMap((worker) => worker.queues))] };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
