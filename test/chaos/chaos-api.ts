import { parseArgs } from 'node:util';
import { buildApp } from '../../src/api/app.ts';
import { openApiServices } from '../../src/api/services.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import { apiMutants } from './mutants.ts';

// The API of some scenarios: that of src/api/server.ts without one of its safeguards.

const { values } = parseArgs({ options: { without: { type: 'string' } } });
const mutant = apiMutants[values.without as keyof typeof apiMutants];
if (mutant === undefined) throw new Error(`no guard ${values.without}`);
const config = readConfig(process.env);
const services = await openApiServices({
  ...{ config, databaseUrl: String(config.databaseUrl), redisUrl: String(config.redisUrl), version: '0.0.0' },
  ...{ plans: await loadPlans(), logger: createLogger({ level: config.logLevel, service: 'api' }) },
});
const app = await buildApp(mutant(services));
console.log(`Drover API: ${await app.listen({ host: config.host, port: config.port })}`);
