import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { migrateDatabase } from '../db/migrate.ts';
import { type Percentiles, startApiLoad } from './bench/api-load.ts';
import { timeCopy, timeEmptyJobs } from './bench/baselines.ts';
import { type BookingsBenchOptions, measureBookings } from './bench/bookings.ts';
import { type CsvFigures, measureCsv } from './bench/csv-memory.ts';
import { type CutoverFigures, measureCutover } from './bench/cutover.ts';
import { type BenchProcesses, startBenchProcesses } from './bench/fleet.ts';
import { prepareRun, timeRun } from './bench/migration.ts';
import { workerFlags } from './child-processes.ts';
import { guardChildren } from './stack/guard.ts';
import { ServicesUnavailable } from './stack/services.ts';
import { startStack } from './stack/stack.ts';

const help = `Usage: npm run bench [-- --records N] [-- --processes N] [-- --concurrency N] [-- --quick]
       npm run bench -- bookings [--rows N] [--events N]

Measures on this machine, in one run: records a second through transform, load and reconcile with one
record a job; the same number of empty jobs through three BullMQ queues with the same options, worker
processes and concurrency, and their ratio; the same with batches of 500; one COPY; memory by the
number of records; the API's answer times for 100 clients beside a migration; and how long a cutover
holds its locks, with 10,000 and 1,000,000 rows, and with ten tables and what stands on them.
Figures are printed as they come; the last line is one JSON document.

  --records N      records of the rate figures (default 20000)
  --processes N    worker processes, the same for both sides (default 2)
  --concurrency N  jobs of each queue a process works on at once (default 200)
  --rounds N       how often rate and peer are measured, in turns; the median counts (default 3)
  --quick          1,000 and 10,000 records only where memory is measured, 10,000 rows in the cutover
  --cutover-only   only how long a cutover holds its locks
  --csv-only       only memory by the number of records in a CSV file, extraction to validation
  --million        a CSV file of 1,000,000 records as well (minutes)

With \`bookings\`: the plan on a table of bookings, the link beside a writer, webhooks at 200 a second, a storm of events that
are sent five times over 50 connections while a worker is killed, and the check of statistics; one JSON document of its own.

  --rows N         bookings (default 500000, of a fifth as many people)
  --events N       events of the storm (default 10000)`;

interface Settings {
  readonly bookings: BookingsBenchOptions | undefined;
  readonly records: number;
  readonly processes: number;
  readonly concurrency: number;
  readonly rounds: number;
  readonly sizes: readonly number[];
  readonly csvSizes: readonly number[];
  readonly csvOnly: boolean;
  readonly cutoverSizes: readonly number[];
  readonly cutoverOnly: boolean;
}

interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

function readSettings(): Settings | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = { records: text, processes: text, concurrency: text, rounds: text, quick: flag, help: flag };
  const csv = { million: flag, 'csv-only': flag, 'cutover-only': flag };
  const bookings = { rows: text, events: text };
  const { values, positionals } = parseArgs({ options: { ...options, ...csv, ...bookings }, allowPositionals: true });
  if (values.help) return undefined;
  const isBookings = positionals[0] === 'bookings';
  if (positionals.length > (isBookings ? 1 : 0)) throw new ServicesUnavailable(help);
  return {
    bookings: isBookings
      ? { rows: Number(values.rows ?? 500_000), events: Number(values.events ?? 10_000) }
      : undefined,
    records: Number(values.records ?? 20_000),
    processes: Number(values.processes ?? 2),
    concurrency: Number(values.concurrency ?? 200),
    rounds: Number(values.rounds ?? 3),
    sizes: values.quick ? [1_000, 10_000] : [1_000, 10_000, 100_000],
    csvSizes: [10_000, ...(values.quick ? [] : [100_000]), ...(values.million ? [1_000_000] : [])],
    csvOnly: values['csv-only'] ?? false,
    cutoverSizes: values.quick ? [10_000] : [10_000, 1_000_000],
    cutoverOnly: values['cutover-only'] ?? false,
  };
}

async function main(): Promise<void> {
  const settings = readSettings();
  if (!settings) return console.log(help);
  guardChildren();
  const dir = await mkdtemp(join(tmpdir(), 'drover-bench-'));
  const stack = await startStack({ dir });
  try {
    const stores = { databaseUrl: stack.databaseUrl, redisUrl: stack.redisUrl };
    await migrateDatabase(stores.databaseUrl);
    console.log(JSON.stringify(await measureAll(stores, settings, dir)));
  } finally {
    await stack.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** What was asked for; the last line that is printed. */
async function measureAll(stores: Stores, settings: Settings, dir: string) {
  if (settings.bookings) return { bookings: await measureBookings(stores, settings.bookings) };
  if (settings.cutoverOnly) return { cutover: await measureSwap(stores, settings) };
  if (settings.csvOnly) return { csv: await measureFiles(stores, settings, dir) };
  const figures = await measure(stores, settings);
  const cutover = await measureSwap(stores, settings);
  return { ...figures, cutover, csv: await measureFiles(stores, settings, dir) };
}

async function measureSwap(stores: Stores, settings: Settings): Promise<CutoverFigures> {
  const figures = await measureCutover(stores.databaseUrl, settings.cutoverSizes);
  console.log(`cutover: ${JSON.stringify(figures)}`);
  return figures;
}

async function measure(stores: Stores, settings: Settings) {
  const perRecord = await measurePerRecord(stores, settings);
  console.log(
    `one record a job: ${perRecord.recordsPerSecond}/s, empty jobs ${perRecord.emptyJobsPerSecond}/s, ratio ${perRecord.ratio}`,
  );
  const batch500 = { recordsPerSecond: await measureRate(stores, settings, settings.records * 2, 500) };
  console.log(`batches of 500: ${batch500.recordsPerSecond}/s`);
  const copy = { rowsPerSecond: Math.round(await timeCopy(stores.databaseUrl, 200_000)) };
  console.log(`COPY: ${copy.rowsPerSecond} rows/s`);
  const memory = [];
  for (const records of settings.sizes) {
    memory.push(await measureMemory(stores, settings, records));
    console.log(`memory: ${JSON.stringify(memory.at(-1))}`);
  }
  const api = await measureApi(stores, settings);
  console.log(`API beside a migration: p95 ${api.p95Ms} ms, p99 ${api.p99Ms} ms`);
  return { perRecord, batch500, copy, memory, api };
}

async function measureFiles(stores: Stores, settings: Settings, folder: string): Promise<CsvFigures[]> {
  const figures: CsvFigures[] = [];
  for (const records of settings.csvSizes) {
    figures.push(await measureCsv({ ...stores, folder, records, concurrency: settings.concurrency }));
    console.log(`CSV: ${JSON.stringify(figures.at(-1))}`);
  }
  return figures;
}

/** Ours and the peer in turns, so that whatever else the machine does falls on both; each round gives one ratio. */
async function measurePerRecord(stores: Stores, settings: Settings) {
  const { records, processes, concurrency } = settings;
  const rounds: { ours: number; empty: number }[] = [];
  for (let round = 0; round < settings.rounds; round += 1) {
    const empty = Math.round(records / (await timeEmptyJobs(stores.redisUrl, records, processes, concurrency)));
    rounds.push({ ours: await measureRate(stores, settings, records, 1), empty });
  }
  rounds.sort((a, b) => a.ours / a.empty - b.ours / b.empty);
  const median = rounds[Math.floor(rounds.length / 2)] ?? { ours: 0, empty: 1 };
  return {
    recordsPerSecond: median.ours,
    emptyJobsPerSecond: median.empty,
    ratio: Math.round((median.ours / median.empty) * 100) / 100,
  };
}

async function measureRate(stores: Stores, settings: Settings, records: number, batchSize: number): Promise<number> {
  const id = runId();
  await prepareRun(stores.databaseUrl, id, records, batchSize);
  const fleet = await startWorkers(stores, settings.processes, settings.concurrency);
  const seconds = await timeRun(stores.databaseUrl, id, records);
  await fleet.stop();
  return Math.round(records / seconds);
}

async function measureMemory(stores: Stores, settings: Settings, records: number) {
  const id = runId();
  await prepareRun(stores.databaseUrl, id, records, 1);
  const fleet = await startWorkers(stores, 1, settings.concurrency);
  const redis = new Redis(stores.redisUrl);
  let workerRssMb = 0;
  let redisMb = 0;
  let looked = 0;
  await timeRun(stores.databaseUrl, id, records, async () => {
    if (Date.now() - looked < 250) return;
    looked = Date.now();
    workerRssMb = Math.max(workerRssMb, await fleet.rssMb());
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
    redisMb = Math.max(redisMb, Math.round(used / 104_857.6) / 10);
  });
  redis.disconnect();
  await fleet.stop();
  return { records, workerRssMb, redisMb };
}

async function measureApi(stores: Stores, settings: Settings): Promise<Percentiles> {
  const id = runId();
  await prepareRun(stores.databaseUrl, id, settings.records, 1);
  const fleet = await startWorkers(stores, settings.processes, settings.concurrency);
  const load = await startApiLoad(environment(stores));
  let done = false;
  const reading = load.read(id, 100, () => done);
  await timeRun(stores.databaseUrl, id, settings.records);
  done = true;
  const percentiles = await reading;
  await load.stop();
  await fleet.stop();
  return percentiles;
}

async function startWorkers(stores: Stores, processes: number, concurrency: number): Promise<BenchProcesses> {
  const fleet = await startBenchProcesses({
    ...{ script: './worker.ts', processes, args: [String(concurrency)], env: environment(stores) },
    flags: workerFlags,
  });
  // A worker gives work out a moment after it started; that moment belongs to neither side.
  await sleep(2_500);
  return fleet;
}

function environment(stores: Stores): Record<string, string> {
  return { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.redisUrl, LOG_LEVEL: 'warn' };
}

function runId(): string {
  return `bench${randomBytes(4).toString('hex')}`;
}

main().catch((error: unknown) => {
  console.error(error instanceof ServicesUnavailable ? error.message : error);
  process.exit(1);
});
