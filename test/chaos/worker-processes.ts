import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { signal } from '../../scripts/stack/process.ts';
import type { Random } from '../../src/sandbox/core/random.ts';

/** The worker processes of an experiment. */
export interface Fleet {
  readonly kills: number;
  /** How workers ended that got no signal. */
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

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One real worker process. */
export interface Worker {
  readonly pid: number;
  readonly isReady: boolean;
  /** Resolves when it serves its queues, or has died before that. */
  readonly ready: Promise<void>;
  readonly exit: Promise<WorkerExit>;
  /** True when the experiment ended it; a worker that dies by itself is a finding. */
  readonly isEnded: boolean;
  end(name: 'SIGKILL' | 'SIGTERM'): Promise<WorkerExit>;
  freeze(): void;
  thaw(): void;
}

interface WorkerOptions {
  /** The script and its arguments. */
  readonly script: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** How wrong the clock of the nth worker is, in milliseconds. */
  readonly clockOffsetsMs?: readonly number[];
}

const clockSkewModule = new URL('./skew.mjs', import.meta.url).href;

/** `nth`: counted over the whole experiment. */
export function startWorker(options: WorkerOptions, nth = 0): Worker {
  const {
    clockOffsetsMs: clocks = [],
    script: [script = '', ...args],
  } = options;
  const wrongClock = clocks.length > 0 ? ['--import', clockSkewModule] : [];
  const clock = { CHAOS_SKEW_MS: String(clocks[nth % clocks.length] ?? 0) };
  const child = spawn(process.execPath, nodeArgs(script, args, wrongClock), {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env, ...clock },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(options.logFile, { flags: 'a' });
  const exit = once(child, 'exit').then(([code, name]): WorkerExit => ({ code, signal: name }));
  const state = { ready: false, ended: false };
  const ready = Promise.race([waitUntilReady(child, log, state), exit.then(() => undefined)]);
  const pid = child.pid as number;
  return {
    pid,
    get isReady() {
      return state.ready;
    },
    ready,
    exit,
    get isEnded() {
      return state.ended;
    },
    end(name) {
      state.ended = true;
      signal(pid, name);
      return exit;
    },
    freeze: () => signal(pid, 'SIGSTOP'),
    thaw: () => signal(pid, 'SIGCONT'),
  };
}

function waitUntilReady(child: ChildProcess, log: WriteStream, state: { ready: boolean }): Promise<void> {
  child.stderr?.pipe(log);
  return new Promise((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      if (state.ready || !chunk.includes('worker ready')) return;
      state.ready = true;
      resolve();
    });
  });
}
