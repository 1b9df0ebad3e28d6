import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './port.ts';
import { makeCluster, type PostgresHome, preparePostgresHome, spawnEnvironment } from './postgres-home.ts';
import { commandOf, endProcess, isAlive, lastLines, spawnServer, waitForExit, waitUntil } from './process.ts';

export interface PostgresOptions {
  dataDir: string;
  /** Default: the port of the last start when it is free, else any free one. */
  port?: number;
  /** False only where the data may be lost with the machine: it survives killed processes, not a power cut. */
  fsync?: boolean;
  /** Made with the cluster; its owner is the superuser `drover`, which signs in without a password on 127.0.0.1. */
  database?: string;
}

export interface Postgres {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
  /** It ran already when we came: left over by a process that was killed. */
  readonly reused: boolean;
  /** Ends connections, writes everything down, exits. */
  stop(): Promise<void>;
  /** kill -9, for tests of recovery. */
  kill(): Promise<void>;
  /** Crashes the server and starts it again on the same port, for tests of recovery. */
  restartImmediate(): Promise<void>;
}

const USER = 'drover';
const START_PATIENCE = 120_000;

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const home = preparePostgresHome(options.dataDir);
  const running = livePostmaster(home.dataDir);
  if (!running) makeCluster(home, { superuser: USER, database: databaseOf(options), sync: options.fsync !== false });
  let current = running ? await untilReady(home, running.pid) : await launch(home, options);
  return {
    dataDir: home.dataDir,
    version: home.version,
    reused: running !== undefined,
    url: urlOf(current.port, options),
    get pid() {
      return current.pid;
    },
    stop: () => stopPostmaster(current.pid),
    kill: () => endProcess(current.pid, [['SIGKILL', 10_000]]),
    async restartImmediate() {
      await endProcess(current.pid, [['SIGQUIT', 10_000]]);
      current = await launch(home, { ...options, port: current.port });
    },
  };
}

/** Fast shutdown; when it drags on, an immediate one, from which the next start recovers. */
export async function stopPostmaster(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  await endProcess(pid, [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ]);
}

function urlOf(port: number, options: PostgresOptions): string {
  return `postgres://${USER}@127.0.0.1:${port}/${databaseOf(options)}`;
}

function databaseOf(options: PostgresOptions): string {
  return options.database ?? 'drover';
}

const ATTEMPTS = 5;

/**
 * A start fails when another process takes the port first, or while the children of a killed server still hold its shared
 * memory; both pass, so it is tried again a few times.
 */
async function launch(home: PostgresHome, options: PostgresOptions, attempt = 1): Promise<Postmaster> {
  await clearStalePidFile(home.dataDir);
  const port = options.port ?? (await freePort(attempt === 1 ? lastPort(home.dataDir) : undefined));
  const pid = await spawnPostgres(home, settings(port, options));
  try {
    return await untilReady(home, pid);
  } catch (error) {
    if (attempt === ATTEMPTS || isAlive(pid)) throw error;
    await sleep(200 * attempt);
    return launch(home, options, attempt + 1);
  }
}

function settings(port: number, options: PostgresOptions): Record<string, string | number> {
  const durable = { max_wal_size: '2GB', checkpoint_timeout: '15min' };
  // synchronous_commit stays on: without it a killed server loses commits, and tests kill it.
  const fast = { fsync: 'off', full_page_writes: 'off', max_wal_size: '4GB', checkpoint_timeout: '1h' };
  return {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '256MB',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    ...(options.fsync === false ? fast : durable),
  };
}

function spawnPostgres(home: PostgresHome, config: Record<string, string | number>): Promise<number> {
  const flags = Object.entries(config).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return spawnServer(join(home.bin, 'postgres'), ['-D', home.dataDir, ...flags], spawnEnvironment(home), home.log);
}

async function untilReady(home: PostgresHome, pid: number): Promise<Postmaster> {
  const ready = () => {
    const postmaster = readPostmaster(home.dataDir);
    return postmaster?.pid === pid && postmaster.ready;
  };
  await waitUntil(() => ready() || !isAlive(pid), START_PATIENCE);
  const postmaster = readPostmaster(home.dataDir);
  if (ready() && postmaster) return postmaster;
  throw new Error(`PostgreSQL did not start on ${home.dataDir}. The end of ${home.log}:\n${lastLines(home.log)}`);
}

/** What a running PostgreSQL says of itself in postmaster.pid. */
interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

function pidFile(dataDir: string): string {
  return join(dataDir, 'postmaster.pid');
}

function readPostmaster(dataDir: string): Postmaster | undefined {
  const lines = readLines(pidFile(dataDir));
  const pid = Number(lines[0]);
  if (!pid) return undefined;
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** The server that works on this data now: ours, or one that outlived the process that started it. */
export function livePostmaster(dataDir: string): Postmaster | undefined {
  const postmaster = readPostmaster(dataDir);
  if (!postmaster || !isAlive(postmaster.pid)) return undefined;
  // The pid may be another process's by now, and the file may have come along when the checkout was copied.
  return commandOf(postmaster.pid).includes(dataDir) ? postmaster : undefined;
}

/**
 * PostgreSQL does not start while the pid in its file answers a signal, and a zombie or another process with the same number
 * answers. Zombies go away when init reaps them; another process stays, and then the file must go.
 */
async function clearStalePidFile(dataDir: string): Promise<void> {
  const stale = readPostmaster(dataDir);
  if (!stale || livePostmaster(dataDir)) return;
  await waitForExit(stale.pid, 200);
  rmSync(pidFile(dataDir), { force: true });
}

/** The port of the last start, so that a restarted stack is found where it was. */
function lastPort(dataDir: string): number | undefined {
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
