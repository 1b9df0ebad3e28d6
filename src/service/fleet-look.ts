import type { Database } from '../../db/client.ts';
import { createQueuePauseStore } from '../../db/repositories/queue-pauses.ts';
import { createWorkerStore } from '../../db/repositories/workers.ts';
import type { FleetState } from '../engine/progress/holdups.ts';
import type { UpstreamStand } from '../engine/progress/upstream-holdups.ts';

export interface FleetLook {
  /** What is known of the fleet; at most a moment old where it answers, the last that was known where it does not. */
  now(): Promise<FleetState | undefined>;
}

const freshMs = 1_000;
// Whoever asks for a run does not wait longer than this for the fleet: at first there is nothing older to answer with.
const patienceMs = { first: 1_000, later: 200 } as const;
// Redis may hang; what PostgreSQL knows is said without it.
const redisMs = 500;

/** Looks at the fleet once a second at the most, however many runs are looked at. */
export function createFleetLook(deps: {
  readonly database: Database;
  readonly upstreams: () => Promise<readonly UpstreamStand[]>;
}): FleetLook {
  let last: FleetState | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  const begin = (): Promise<void> =>
    look(deps).then(
      (state) => {
        last = state;
        lookedAt = performance.now();
        looking = undefined;
      },
      () => {
        looking = undefined;
      },
    );
  return {
    async now() {
      if (performance.now() - lookedAt < freshMs) return last;
      looking ??= begin();
      await Promise.race([looking, later(last ? patienceMs.later : patienceMs.first)]);
      return last;
    },
  };
}

async function look({ database, upstreams }: Parameters<typeof createFleetLook>[0]): Promise<FleetState> {
  const [states, pauses, workers] = await Promise.all([
    Promise.race([upstreams().catch(() => null), later(redisMs).then(() => null)]),
    createQueuePauseStore(database).list(),
    createWorkerStore(database).list(),
  ]);
  const alive = workers.filter((worker) => worker.alive);
  return { upstreams: states, pauses, served: [...new Set(alive.flatMap((worker) => worker.queues))] };
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
