import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openDatabase } from '../../db/client.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startBenchProcesses } from './fleet.ts';
import { benchRecord, csvPlan } from './plan.ts';

export interface CsvFigures {
  readonly records: number;
  readonly seconds: number;
  /** The most that the worker and Redis ever held, in MB; validation and reports included. */
  readonly workerRssMb: number;
  readonly redisMb: number;
  /** What the file takes, for comparison. */
  readonly fileMb: number;
}

export interface CsvBench {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** A folder for the file and what the run writes. */
  readonly folder: string;
  readonly records: number;
  readonly concurrency: number;
}

const lookEveryMs = 250;
// Without a bound V8 lets garbage lie as long as the machine has memory, and what is measured is its patience. What is
// really needed has to fit; docs/operations.md recommends the same.
const heapMb = 192;

/** Moves n records from a CSV file to their end, with one worker process, and looks at memory meanwhile. */
export async function measureCsv(bench: CsvBench): Promise<CsvFigures> {
  const folder = join(bench.folder, `csv-${bench.records}`);
  await mkdir(folder, { recursive: true });
  const fileMb = await writeCsv(join(folder, 'items.csv'), bench.records);
  const env = {
    DATABASE_URL: bench.databaseUrl,
    REDIS_URL: bench.redisUrl,
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: `--max-old-space-size=${heapMb}`,
    MIGRATION_EXPORT_DIR: join(folder, 'exports'),
    MIGRATION_REPORT_DIR: join(folder, 'reports'),
  };
  const fleet = await startBenchProcesses({
    script: './csv-worker.ts',
    processes: 1,
    args: [String(bench.concurrency)],
    env,
  });
  const redis = new Redis(bench.redisUrl);
  const highest = { workerRssMb: 0, redisMb: 0 };
  const look = async (): Promise<void> => {
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
    highest.workerRssMb = Math.max(highest.workerRssMb, await fleet.rssMb());
    highest.redisMb = Math.max(highest.redisMb, Math.round(used / 104_857.6) / 10);
  };
  try {
    const seconds = await migrateFile(bench, folder, look);
    return { records: bench.records, seconds, ...highest, fileMb };
  } finally {
    redis.disconnect();
    await fleet.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function migrateFile(bench: CsvBench, folder: string, look: () => Promise<void>): Promise<number> {
  const { databaseUrl: url } = bench;
  const database = openDatabase({ url, max: 2, applicationName: 'bench', onError: () => undefined });
  const plans = createRegistry([csvPlan]);
  const control = openControl({ database, target: database, plans, config: readConfig({}) });
  try {
    const began = Date.now();
    const targetSchema = `csv_${bench.records}`;
    const input = { plan: csvPlan.name, params: { folder }, batchSize: 'auto' as const, targetSchema };
    const { id } = await control.startRun(input, { id: 'bench', role: 'operator' });
    await waitUntilFinished(control, id, bench.records, look);
    return Math.round((Date.now() - began) / 100) / 10;
  } finally {
    await database.$client.end();
  }
}

async function waitUntilFinished(
  control: Control,
  id: string,
  records: number,
  look: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await look();
    const run = await control.run(id);
    if (finishedStatuses.includes(run.status)) {
      const { reconciled } = run.entities.items ?? {};
      if (reconciled === records) return;
      throw new Error(`the run is ${run.status} with ${reconciled} of ${records} reconciled: ${run.reason}`);
    }
    await sleep(lookEveryMs);
  }
}

async function writeCsv(path: string, records: number): Promise<number> {
  const columns = Object.keys(benchRecord(0));
  let bytes = 0;
  const counted = (line: string): string => {
    bytes += Buffer.byteLength(line);
    return line;
  };
  function* lines(): Generator<string> {
    yield counted(`id,${columns.join(',')}\n`);
    for (let n = 0; n < records; n += 1) {
      const cells = Object.values(benchRecord(n)).map((value) => `"${String(value).replaceAll('"', '""')}"`);
      yield counted(`b${n},${cells.join(',')}\n`);
    }
  }
  await pipeline(lines, createWriteStream(path));
  return Math.round(bytes / 104_857.6) / 10;
}
