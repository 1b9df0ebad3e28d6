import type { Random } from '../../src/sandbox/core/random.ts';
import { startWorker, type Worker, type WorkerOptions } from './worker.ts';

/** The worker processes of a drill. */
export interface Fleet {
  readonly kills: number;
  /** How workers ended that nobody had told to. */
  readonly deaths: readonly string[];
  workers(): readonly Worker[];
  /** Resolves when every worker serves its queues. */
  ready(): Promise<void>;
  /** kill -9 of a worker that serves its queues, and another in its place. False when none does. */
  kill(random: Random): Promise<boolean>;
  /** One worker more. */
  add(): Worker;
  /** Ends all and waits for it. */
  stop(): Promise<void>;
}

export function startFleet(size: number, options: WorkerOptions): Fleet {
  const alive = new Set<Worker>();
  const deaths: string[] = [];
  let kills = 0;
  let stopping = false;

  function add(): Worker {
    const worker = startWorker(options);
    alive.add(worker);
    void worker.exit.then((exit) => {
      alive.delete(worker);
      if (worker.isEnded) return;
      deaths.push(`worker ${worker.pid} ended by itself: ${exit.signal ?? `exit ${exit.code}`}`);
      if (!stopping) add();
    });
    return worker;
  }

  for (let n = 0; n < size; n += 1) add();
  return {
    get kills() {
      return kills;
    },
    deaths,
    workers: () => [...alive],
    ready: async () => {
      await Promise.all([...alive].map((worker) => worker.ready));
    },
    async kill(random) {
      const ready = [...alive].filter((worker) => worker.isReady);
      if (ready.length === 0) return false;
      kills += 1;
      await random.pick(ready).end('SIGKILL');
      add();
      return true;
    },
    add,
    async stop() {
      stopping = true;
      // A worker that was left frozen takes no other signal.
      await Promise.all([...alive].map((worker) => worker.end('SIGKILL')));
    },
  };
}
