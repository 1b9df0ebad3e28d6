import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { nodeArgs } from '../stack/compiled.ts';
import { signal } from '../stack/process.ts';

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
  /** True when the drill ended it; a worker that dies by itself is a finding. */
  readonly isEnded: boolean;
  end(name: 'SIGKILL' | 'SIGTERM'): Promise<WorkerExit>;
  freeze(): void;
  thaw(): void;
}

export interface WorkerOptions {
  /** The script and its arguments. */
  readonly script: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** How wrong the clock of the nth worker is, in milliseconds. */
  readonly clockOffsetsMs?: readonly number[];
}

const clockSkewModule = new URL('./skew.mjs', import.meta.url).href;

/** `nth`: counted over the whole drill. */
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
