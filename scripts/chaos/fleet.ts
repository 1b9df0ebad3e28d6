import type { Random } from '../../src/sandbox/core/random.ts';
import { signal } from '../stack/process.ts';
import { startWorker, type Worker, type WorkerOptions } from './worker.ts';

/** The worker processes of a drill. */
export interface Fleet {
  readonly kills: number;
  /** How workers ended that nobody had told to. */
  readonly deaths: readonly string[];
  workers(): readonly Worker[];
  /** Resolves when every worker serves its queues. */
  ready(): Promise<void>;
  /** kill -9 of a worker that serves its queues, and another in its place. False while fewer than two do. */
  kill(random: Random): Promise<boolean>;
  /** One worker more. */
  add(): Worker;
  /** Ends all and waits for it. */
  stop(): Promise<void>;
}

export function startFleet(size: number, workerOptions: WorkerOptions): Fleet {
  const alive = new Set<Worker>();
  const deaths: string[] = [];
  let kills = 0;
  let started = 0;
  let stopping = false;

  function add(): Worker {
    const worker = startWorker(workerOptions, started++);
    alive.add(worker);
    void worker.exit.then((exit) => {
      alive.delete(worker);
      if (worker.isEnded) return;
      deaths.push(`${worker.pid} with ${exit.signal ?? `exit ${exit.code}`}`);
      if (!stopping) add();
    });
    return worker;
  }

  // A driver that ends early takes its workers along; orphans would go on with the work of the next.
  const orphaned = (): void => {
    for (const worker of alive) signal(worker.pid, 'SIGKILL');
  };
  process.once('exit', orphaned);
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
      // Never the last that works while others start: on a busy machine nothing but starting would be left.
      if (ready.length < 2) return false;
      kills += 1;
      await random.pick(ready).end('SIGKILL');
      add();
      return true;
    },
    add,
    async stop() {
      stopping = true;
      process.off('exit', orphaned);
      // A worker that was left frozen takes no other signal.
      await Promise.all([...alive].map((worker) => worker.end('SIGKILL')));
    },
  };
}
