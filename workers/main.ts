import { parseArgs } from 'node:util';
import { migrateDatabase } from '../db/migrate.ts';
import { type QueueName, queueNames } from '../queues/table.ts';
import { readConfig } from '../src/config.ts';
import { DroverError, toDroverError } from '../src/errors.ts';
import { createLogger } from '../src/logger.ts';
import { loadPlans } from '../src/plan/registry.ts';
import { startWorkerProcess } from './runtime.ts';

const help = `Usage: npm run worker -- [options]

Serves queues until it is stopped. Start as many as needed, anywhere that reaches PostgreSQL
(DATABASE_URL) and Redis (REDIS_URL).

  --queues LIST       comma-separated: ${queueNames.join(', ')} (default: all)
  --concurrency N     jobs of each queue at once, 1 to 1000 (default 100)
  --help              this text

SIGTERM or SIGINT drains: no new work is started, work in progress ends.`;

interface Options {
  readonly queues: readonly QueueName[];
  readonly concurrency: number;
}

function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: { queues: { type: 'string' }, concurrency: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) return undefined;
  const names = (values.queues ?? queueNames.join(',')).split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(queueNames as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw usageError(`unknown queue ${unknown.join(', ')}; the queues are ${queueNames.join(', ')}`);
  const concurrency = Number(values.concurrency ?? '100');
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1_000) {
    throw usageError('--concurrency takes a whole number from 1 to 1000');
  }
  return { queues: names as QueueName[], concurrency };
}

const usageError = (message: string): DroverError => new DroverError('BAD_REQUEST', message, { remedy: 'See --help.' });

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!options) return console.log(help);
  const config = readConfig(process.env);
  const { databaseUrl, redisUrl } = config;
  if (!databaseUrl || !redisUrl) {
    throw new DroverError('CONFIGURATION', 'DATABASE_URL and REDIS_URL must name PostgreSQL and Redis; one is missing');
  }
  const logger = createLogger({ level: config.logLevel, service: 'worker' });
  await migrateDatabase(databaseUrl);
  if (config.targetDatabaseUrl) await migrateDatabase(config.targetDatabaseUrl);
  const worker = await startWorkerProcess({
    config,
    databaseUrl,
    redisUrl,
    plans: await loadPlans(),
    logger,
    ...options,
  });
  stopOnSignals(worker.stop, config.shutdownGraceMs);
}

function stopOnSignals(stop: () => Promise<void>, graceMs: number): void {
  let stopping = false;
  const end = (): void => {
    // A second signal ends the process at once.
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), graceMs + 10_000).unref();
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

main().catch((thrown: unknown) => {
  const error = toDroverError(thrown);
  console.error(`${error.code}: ${error.message}\n→ ${error.remedy}`);
  process.exit(error.code === 'BAD_REQUEST' ? 2 : 1);
});
