import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

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
