import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf, isAlive, waitForExit } from './process.ts';

/** What a running PostgreSQL says of itself in postmaster.pid. */
export interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

function pidFile(dataDir: string): string {
  return join(dataDir, 'postmaster.pid');
}

export function readPostmaster(dataDir: string): Postmaster | undefined {
  const lines = readLines(pidFile(dataDir));
  const pid = Number(lines[0]);
  if (!pid) return undefined;
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** The server that works on this data now: ours, or one that outlived the process that started it. */
export function livePostmaster(dataDir: string): Postmaster | undefined {
  const postmaster = readPostmaster(dataDir);
  if (!postmaster || !isAlive(postmaster.pid)) return undefined;
  // The pid may be a stranger's by now, and the file may have come along when the checkout was copied.
  return commandOf(postmaster.pid).includes(dataDir) ? postmaster : undefined;
}

/**
 * PostgreSQL does not start while the pid in its file answers a signal, and a zombie or a stranger with the same number
 * answers. Zombies go away when init reaps them; a stranger stays, and then the file must go.
 */
export async function clearStalePidFile(dataDir: string): Promise<void> {
  const stale = readPostmaster(dataDir);
  if (!stale || livePostmaster(dataDir)) return;
  await waitForExit(stale.pid, 200);
  rmSync(pidFile(dataDir), { force: true });
}

/** The port of the last start, so that a restarted stack is found where it was. */
export function lastPort(dataDir: string): number | undefined {
  const port = /port=(\d+)/.exec(readLines(join(dataDir, 'postmaster.opts')).join(' '))?.[1];
  return port ? Number(port) : undefined;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
