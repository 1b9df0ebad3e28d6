import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startWorkerProcess } from '../../workers/runtime.ts';
import { benchPlan } from './plan.ts';

/** A worker process that knows the bench's plan and no other. Its settings come from the environment as always. */
const config = readConfig(process.env);
const worker = await startWorkerProcess({
  config,
  databaseUrl: config.databaseUrl as string,
  redisUrl: config.redisUrl as string,
  logger: createLogger({ level: config.logLevel, service: 'bench-worker' }),
  plans: createRegistry([benchPlan]),
  queues: ['transform', 'load', 'reconcile', 'extract'],
  concurrency: Number(process.argv[2] ?? 100),
});
process.on('SIGTERM', () => void worker.stop().then(() => process.exit(0)));
process.send?.('ready');
