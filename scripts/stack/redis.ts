import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkoutRoot } from './checkout.ts';
import { freePort } from './port.ts';
import { commandOf, endProcess, isAlive, lastLines, spawnServer, waitUntil } from './process.ts';
import { obtainRedis, type RedisProgram } from './redis-binaries.mjs';

export interface RedisOptions {
  dataDir: string;
  /** Default: the port of the last start when it is free, else any free one. */
  port?: number;
  /** Default true: a killed server has lost a second at most. */
  appendOnly?: boolean;
}

export interface Redis {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
  /** It ran already when we came: left over by a process that was killed. */
  readonly reused: boolean;
  stop(): Promise<void>;
  /** kill -9, for tests of recovery. */
  kill(): Promise<void>;
}

/** What we note beside the data, to find a server again that outlived us. */
interface ServerNote {
  pid: number;
  port: number;
}

const START_PATIENCE = 60_000;
const ATTEMPTS = 3;

export async function startRedis(options: RedisOptions): Promise<Redis> {
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const program = obtainRedis(checkoutRoot());
  const running = await liveRedis(dataDir);
  const { pid, port } = running ?? (await launch(program, { ...options, dataDir: realpathSync(dataDir) }));
  return {
    dataDir,
    version: program.version,
    reused: running !== undefined,
    url: `redis://127.0.0.1:${port}`,
    pid,
    stop: () => stopRedis(pid),
    kill: () => endProcess(pid, [['SIGKILL', 10_000]]),
  };
}

/** SIGTERM makes it write its append-only file to the end. */
export async function stopRedis(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  await endProcess(pid, [
    ['SIGTERM', 15_000],
    ['SIGKILL', 5_000],
  ]);
}

/** The server that works on this data now, by its own answer: pids and ports are reused by other processes. */
export async function liveRedis(dataDir: string): Promise<ServerNote | undefined> {
  const note = readNote(dataDir);
  if (!note || !isAlive(note.pid) || !/redis|valkey/.test(commandOf(note.pid))) return undefined;
  const folder = await sendRedisCommand(note.port, 'CONFIG GET dir');
  return folder?.includes(`${realpathSync(dataDir)}\r\n`) ? note : undefined;
}

async function launch(program: RedisProgram, options: RedisOptions, attempt = 1): Promise<ServerNote> {
  const last = attempt === 1 ? readNote(options.dataDir)?.port : undefined;
  const port = options.port ?? (await freePort(last));
  const pid = await spawnRedis(program, port, options);
  writeFileSync(noteFile(options.dataDir), JSON.stringify({ pid, port } satisfies ServerNote));
  const ready = () => isReady(options.dataDir, port);
  await waitUntil(async () => !isAlive(pid) || (await ready()), START_PATIENCE);
  if (isAlive(pid) && (await ready())) return { pid, port };
  if (attempt === ATTEMPTS || isAlive(pid)) throw new Error(failureMessage(options.dataDir));
  await sleep(200 * attempt);
  return launch(program, options, attempt + 1);
}

/** While it reads its append-only file it answers -LOADING; and another process may have taken the port before it. */
async function isReady(dataDir: string, port: number): Promise<boolean> {
  const answer = await sendRedisCommand(port, 'PING');
  return (answer?.startsWith('+PONG') ?? false) && (await liveRedis(dataDir)) !== undefined;
}

function spawnRedis(program: RedisProgram, port: number, options: RedisOptions): Promise<number> {
  const config = {
    bind: '127.0.0.1',
    port,
    dir: options.dataDir,
    save: '',
    appendonly: options.appendOnly === false ? 'no' : 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  const flags = Object.entries(config).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const surroundings = { cwd: options.dataDir, env: { ...process.env, ...program.env } };
  return spawnServer(program.path, flags, surroundings, logFile(options.dataDir));
}

function readNote(dataDir: string): ServerNote | undefined {
  const path = noteFile(dataDir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ServerNote) : undefined;
}

function noteFile(dataDir: string): string {
  return join(dataDir, 'server.json');
}

function logFile(dataDir: string): string {
  return `${dataDir}.log`;
}

function failureMessage(dataDir: string): string {
  return `Redis did not start on ${dataDir}. The end of ${logFile(dataDir)}:\n${lastLines(logFile(dataDir))}`;
}

/**
 * One command, one answer, as text. Enough to identify a server without a client library's reconnecting, which
 * would hide that there is none. Undefined without an answer.
 */
async function sendRedisCommand(port: number, command: string): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  const signal = AbortSignal.timeout(2_000);
  try {
    await once(socket, 'connect', { signal });
    socket.write(`${command}\r\n`);
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
    return answer.toString();
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
