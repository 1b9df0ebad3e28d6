import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startWorkerProcess } from '../../workers/runtime.ts';
import { csvPlan } from './plan.ts';

/** A worker process that knows the CSV plan and no other; with every queue, so that one process does all of it. */
const config = readConfig(process.env);
const worker = await startWorkerProcess({
  config,
  databaseUrl: String(config.databaseUrl),
  redisUrl: String(config.redisUrl),
  logger: createLogger({ level: config.logLevel, service: 'bench-csv-worker' }),
  plans: createRegistry([csvPlan]),
  queues: ['transform', 'load', 'reconcile', 'extract'],
  concurrency: Number(process.argv[2] ?? 100),
});
process.on('SIGTERM', () => void worker.stop().then(() => process.exit(0)));
process.send?.('ready');
