import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkoutRoot } from './checkout.ts';
import { isListening } from './port.ts';
import { isAlive, signal } from './process.ts';
import type { Stack } from './stack.ts';

export interface ServicesEnv {
  DATABASE_URL?: string | undefined;
  REDIS_URL?: string | undefined;
}

export interface ServicesOptions {
  /** False: use what is given or running, and start nothing. */
  start?: boolean;
  /** Default: `.drover` in the checkout. */
  dir?: string;
}

/** Where PostgreSQL and Redis are, for a process that needs both. */
export interface Services {
  databaseUrl: string;
  redisUrl: string;
  /** Whether this process started them (or took them over from a dead one) and so ends them. */
  started: boolean;
  saidInOneSentence: string;
  /** Ends what this process started. Where it only joined, nothing happens. */
  stop(): Promise<void>;
}

/** There is nothing to use, and nothing may or can be started. The message is for a person and says what to do. */
export class ServicesUnavailable extends Error {}

/**
 * The environment's, else those that another process of this checkout runs, else ones started now.
 * @throws NoServices
 */
export async function resolveServices(env: ServicesEnv, options: ServicesOptions = {}): Promise<Services> {
  const dir = resolve(options.dir ?? join(checkoutRoot(), '.drover'));
  const joined = await joinRunning(env, dir, options.start === false);
  if (joined) return joined;
  if (options.start === false) {
    throw new ServicesUnavailable('No PostgreSQL and Redis: run `npm start` first, or set DATABASE_URL and REDIS_URL.');
  }
  try {
    // Only a process that starts something loads the starters, which a production image does not have.
    const { withLock } = await import('./lock.mjs');
    return await withLock(join(dir, 'stack.lock'), async () => (await joinRunning(env, dir, false)) ?? start(env, dir));
  } catch (error) {
    throw explainFailure(error, dir);
  }
}

function explainFailure(cause: unknown, dir: string): ServicesUnavailable {
  if (cause instanceof ServicesUnavailable) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return new ServicesUnavailable(message, { cause });
  return new ServicesUnavailable(
    `${dir} holds files of another user (${message}). Run \`sudo chown -R "$(id -un)" ${dir}\`, or delete it with its data.`,
    { cause },
  );
}

async function joinRunning(env: ServicesEnv, dir: string, orphansToo: boolean): Promise<Services | undefined> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = env;
  if (databaseUrl && redisUrl) {
    return existingServices(
      databaseUrl,
      redisUrl,
      'Used the PostgreSQL and the Redis that DATABASE_URL and REDIS_URL name.',
    );
  }
  const record = await liveRecord(dir);
  if (!record || !(orphansToo || isAlive(record.pids.owner))) return undefined;
  const database = databaseUrl || (record.databaseUrl ?? throwForeignUrl(record, 'DATABASE_URL'));
  const redis = redisUrl || (record.redisUrl ?? throwForeignUrl(record, 'REDIS_URL'));
  return existingServices(database, redis, `Joined the PostgreSQL and Redis of process ${record.pids.owner}.`);
}

function throwForeignUrl({ pids }: StackRecord, variable: string): never {
  throw new ServicesUnavailable(
    `The Drover that runs here (process ${pids.owner}) was given its ${variable}: set it here too.`,
  );
}

function existingServices(databaseUrl: string, redisUrl: string, saidInOneSentence: string): Services {
  return { databaseUrl, redisUrl, saidInOneSentence, started: false, stop: async () => {} };
}

async function start(env: ServicesEnv, dir: string): Promise<Services> {
  const { startStack } = await import('./stack.ts');
  const stack = await startStack({ dir, databaseUrl: env.DATABASE_URL, redisUrl: env.REDIS_URL });
  writeRecord(recordOf(dir, stack));
  const lastResort = () => signalServers(stack);
  process.once('exit', lastResort);
  return {
    databaseUrl: stack.databaseUrl,
    redisUrl: stack.redisUrl,
    saidInOneSentence: stack.saidInOneSentence,
    started: true,
    stop: async () => {
      removeRecord(dir, process.pid);
      await stack.stop();
      process.off('exit', lastResort);
    },
  };
}

function recordOf(dir: string, { postgres, redis }: Stack): StackRecord {
  return {
    dir,
    databaseUrl: postgres?.url ?? null,
    redisUrl: redis?.url ?? null,
    pids: { owner: process.pid, postgres: postgres?.pid ?? null, redis: redis?.pid ?? null },
  };
}

/** For a process that ends without calling stop(), by an uncaught error say: signals can still be sent, not awaited. */
function signalServers({ postgres, redis }: Stack): void {
  if (postgres) signal(postgres.pid, 'SIGINT');
  if (redis) signal(redis.pid, 'SIGTERM');
}

/**
 * What a process that started the embedded servers records for the others of this checkout. A URL is null where the starter
 * was given one: it may hold a password, which is not for a file.
 */
interface StackRecord {
  /** The folder it was written in: a copied checkout carries its original's record along. */
  dir: string;
  databaseUrl: string | null;
  redisUrl: string | null;
  pids: { owner: number; postgres: number | null; redis: number | null };
}

function writeRecord(record: StackRecord): void {
  const path = pathOf(record.dir);
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${path}.${process.pid}`, path);
}

/** The record when what it names answers. */
async function liveRecord(dir: string): Promise<StackRecord | undefined> {
  const record = readRecord(dir);
  if (!record || record.dir !== dir) return undefined;
  const { postgres, redis } = record.pids;
  const answers = await Promise.all([answersAt(record.databaseUrl, postgres), answersAt(record.redisUrl, redis)]);
  return answers.every(Boolean) ? record : undefined;
}

/** Only the owner's own: a process that took over since has written another. */
function removeRecord(dir: string, owner: number): void {
  if (readRecord(dir)?.pids.owner === owner) rmSync(pathOf(dir), { force: true });
}

async function answersAt(url: string | null, pid: number | null): Promise<boolean> {
  if (url === null || pid === null) return true;
  return isAlive(pid) && (await isListening(Number(new URL(url).port)));
}

function readRecord(dir: string): StackRecord | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(dir), 'utf8')) as StackRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function pathOf(dir: string): string {
  return join(dir, 'stack.json');
}
