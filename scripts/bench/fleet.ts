import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compiledFile } from '../stack/compiled.ts';

/** Worker processes of the bench. */
export interface BenchProcesses {
  /** What the processes say they have done, in all. */
  done(): number;
  /** Resident memory of the largest of them, in MB. */
  rssMb(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts worker processes from a script of this folder and waits until each is ready. */
export async function startBenchProcesses(options: {
  readonly script: string;
  readonly processes: number;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Options of node itself. */
  readonly flags?: readonly string[];
}): Promise<BenchProcesses> {
  const file = compiledFile(join('scripts/bench', options.script));
  const done = new Map<ChildProcess, number>();
  const children = await Promise.all(
    Array.from({ length: options.processes }, async () => {
      const child = fork(file, options.args, {
        execArgv: [...(options.flags ?? [])],
        env: { ...process.env, ...options.env },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      await Promise.race([once(child, 'message'), once(child, 'exit').then(throwExited)]);
      child.on('message', (message: { done?: number }) => done.set(child, message.done ?? 0));
      return child;
    }),
  );
  return {
    done: () => [...done.values()].reduce((sum, n) => sum + n, 0),
    rssMb: async () => Math.max(...(await Promise.all(children.map(rssOf)))),
    stop: async () => {
      await Promise.all(
        children.map(async (child) => {
          const gone = once(child, 'exit');
          child.kill('SIGTERM');
          await gone;
        }),
      );
    },
  };
}

function throwExited([code]: unknown[]): never {
  throw new Error(`a process of the bench ended with ${code} before it was ready`);
}

async function rssOf(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
