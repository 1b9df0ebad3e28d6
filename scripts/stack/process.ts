import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { handleStopSignals } from '../../src/signals.ts';

/** Whether a process runs. A zombie does not: in a container whose init reaps late it can stay for seconds. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    // The name in brackets may itself hold brackets and spaces; the state follows the last one.
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.trim()[0];
    // The first thread of a killed server is a zombie while the others still hold its port and files.
    return state === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1;
  } catch {
    return false;
  }
}

/** The command line of a process, to distinguish a server from another process with its old pid. */
export function commandOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function waitForExit(pid: number, milliseconds: number): Promise<boolean> {
  return waitUntil(() => !isAlive(pid), milliseconds);
}

export async function waitUntil(condition: () => boolean | Promise<boolean>, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await sleep(15);
  }
  return true;
}

/** Sends each signal in turn until the process is gone. */
export async function endProcess(pid: number, steps: readonly (readonly [NodeJS.Signals, number])[]): Promise<void> {
  for (const [name, patience] of steps) {
    signal(pid, name);
    if (await waitForExit(pid, patience)) return;
  }
  throw new Error(`Process ${pid} did not end; end it with \`kill -9 ${pid}\`.`);
}

/**
 * Starts a server whose output goes to the end of a log file; answers its pid. In a session of its own: Ctrl-C in a
 * terminal reaches the whole group and would end it before our own clean-up.
 */
export async function spawnServer(
  program: string,
  flags: readonly string[],
  spawnOptions: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>,
  logFile: string,
): Promise<number> {
  const log = openSync(logFile, 'a');
  const child = spawn(program, flags, { ...spawnOptions, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref();
  if (child.pid !== undefined) return child.pid;
  const [error] = (await once(child, 'error')) as [Error];
  throw error;
}

/** The last lines of a server's log, for the message that says it did not start. */
export function lastLines(logFile: string): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').slice(-8).join('\n');
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the clean-up on the first signal and exits as the shell expects; a second request does not wait for it. */
export function stopOnSignals(stop: () => Promise<void>): void {
  const exit = (name: NodeJS.Signals): void => process.exit(128 + constants.signals[name]);
  handleStopSignals(SIGNALS, {
    first: (name) =>
      void stop().then(
        () => exit(name),
        (error: unknown) => {
          console.error(error instanceof Error ? error.message : error);
          process.exit(1);
        },
      ),
    again: exit,
  });
}
