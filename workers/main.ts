import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { withDatabaseErrors } from '../db/errors.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { type QueueName, queueNames } from '../queues/table.ts';
import { readConfig } from '../src/config.ts';
import { DroverError, toDroverError } from '../src/errors.ts';
import { createLogger, type Logger } from '../src/logger.ts';
import { loadPlans } from '../src/plan/registry.ts';
import { handleStopSignals } from '../src/signals.ts';
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
  for (const url of new Set([databaseUrl, config.targetDatabaseUrl ?? databaseUrl]))
    await migrateWhenReachable(url, logger);
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

const firstRetryMs = 500;
const longestRetryMs = 5_000;

/** Migrates the database; waits for one that does not answer, and says so. Throws every other error. */
async function migrateWhenReachable(url: string, logger: Logger): Promise<void> {
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
    try {
      return await withDatabaseErrors(migrateDatabase(url));
    } catch (error) {
      const { code, message, remedy } = toDroverError(error);
      if (code !== 'DATABASE_UNAVAILABLE') throw error;
      logger.warn({ code, retryMs }, `${code}: ${message}; waiting for it. ${remedy}`);
      await sleep(retryMs);
    }
  }
}

function stopOnSignals(stop: () => Promise<void>, graceMs: number): void {
  handleStopSignals(['SIGTERM', 'SIGINT'], {
    first() {
      setTimeout(() => process.exit(1), graceMs + 10_000).unref();
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    },
    again: () => process.exit(1),
  });
}

main().catch((thrown: unknown) => {
  const error = toDroverError(thrown);
  console.error(`${error.code}: ${error.message}\n→ ${error.remedy}`);
  process.exit(error.code === 'BAD_REQUEST' ? 2 : 1);
});
