import { startApi } from '../../src/api/start.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { benchPlan } from './plan.ts';

/** The API that knows the bench's plan and no other. */
const config = readConfig(process.env);
const api = await startApi({
  config,
  databaseUrl: config.databaseUrl as string,
  redisUrl: config.redisUrl as string,
  logger: createLogger({ level: config.logLevel, service: 'bench-api' }),
  plans: createRegistry([benchPlan]),
  version: 'bench',
});
process.on('SIGTERM', () => void api.stop().then(() => process.exit(0)));
