import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { compiledFile } from '../../scripts/stack/compiled.ts';
import type { FleetTask } from './fleet-process.ts';

export interface ArrivalJournal {
  readonly arrivals: readonly number[];
  /** The largest delay of a timer on this machine, in milliseconds. */
  readonly lateMs: number;
}

export interface ArrivalServer {
  baseUrl: string;
  journal(): Promise<ArrivalJournal>;
  stop(): Promise<void>;
}

export async function startArrivalServer(): Promise<ArrivalServer> {
  const child = start('journal-process.ts', []);
  const [port] = (await once(child, 'message')) as [number];
  const baseUrl = `http://127.0.0.1:${port}`;
  return {
    baseUrl,
    journal: async () => (await (await fetch(`${baseUrl}/journal`)).json()) as ArrivalJournal,
    stop: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

/** Runs this many workers until they exit; throws when one of them fails. */
export async function runFleet(processes: number, task: FleetTask): Promise<void> {
  const workers = Array.from({ length: processes }, () => start('fleet-process.ts', [JSON.stringify(task)]));
  const exits = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  if (exits.some(([code]) => code !== 0)) throw new Error(`workers ended with ${exits.map(([code]) => code)}`);
}

// Long enough that one request more or less is one percent.
const stretchMs = 2_000;

/**
 * The most arrivals in any second, and the share of the limit that was used: from first to last, and in the best two
 * seconds. A request sent in time may arrive late by the timer delay of its sender and of the server, so the second is
 * shortened by twice that delay: on an idle machine by a few milliseconds.
 */
export function figuresOf(arrivals: readonly number[], limit: number, lateMs = 0) {
  const times = [...arrivals].sort((a, b) => a - b);
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
  return {
    requests: times.length,
    most: mostWithin(times, Math.max(500, 1_000 - 2 * lateMs)),
    used: times.length / (limit * seconds),
    best: mostWithin(times, stretchMs) / (limit * (stretchMs / 1_000)),
  };
}

/** The largest number of the sorted times in any window of this length, its end excluded. */
function mostWithin(times: readonly number[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (const [at, time] of times.entries()) {
    while (time - (times[from] ?? 0) >= windowMs) from += 1;
    most = Math.max(most, at - from + 1);
  }
  return most;
}

function start(file: string, args: string[]): ChildProcess {
  return fork(compiledFile(join('test/upstreams', file)), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}
