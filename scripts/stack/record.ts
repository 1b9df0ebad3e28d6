import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isListening } from './port.ts';
import { isAlive } from './process.ts';

/**
 * What a process that started the embedded servers tells the others of this checkout. A URL is null where the starter
 * was given one: it may hold a password, which is not for a file.
 */
export interface StackRecord {
  /** The folder it was written in: a copied checkout carries its original's record along. */
  dir: string;
  databaseUrl: string | null;
  redisUrl: string | null;
  pids: { owner: number; postgres: number | null; redis: number | null };
}

export function writeRecord(record: StackRecord): void {
  const path = pathOf(record.dir);
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${path}.${process.pid}`, path);
}

/** The record when what it names answers. */
export async function liveRecord(dir: string): Promise<StackRecord | undefined> {
  const record = readRecord(dir);
  if (!record || record.dir !== dir) return undefined;
  const { postgres, redis } = record.pids;
  const answers = await Promise.all([answersAt(record.databaseUrl, postgres), answersAt(record.redisUrl, redis)]);
  return answers.every(Boolean) ? record : undefined;
}

/** Only the owner's own: whoever took over since has written another. */
export function removeRecord(dir: string, owner: number): void {
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
