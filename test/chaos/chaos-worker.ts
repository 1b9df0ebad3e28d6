import { parseArgs } from 'node:util';
import { queueNames } from '../../queues/table.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import bubble from '../../src/plans/bubble/index.ts';
import catalog from '../../src/plans/catalog/index.ts';
import { startWorkerProcess } from '../../workers/runtime.ts';
import type { Services } from '../../workers/services.ts';
import { instrumentPlan, withFailpoints } from './instrumentation.ts';
import { mutants } from './mutants.ts';

// The workers of some experiments: those of workers/main.ts, but watched, and on request without one of the guards.

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    ...{ plan: text, without: text, journal: text, 'costly-ms': text, 'max-rps': text, concurrency: text, die: text },
  },
});
const chaosPlan = [bubble, catalog].find(({ name }) => name === values.plan);
if (chaosPlan === undefined) throw new Error(`no experiment runs the plan ${values.plan}`);
const plan = instrumentPlan(chaosPlan, {
  journal: values.journal,
  costlyMs: Number(values['costly-ms'] ?? 0),
  maxRps: values['max-rps'] === undefined ? undefined : Number(values['max-rps']),
});
const config = readConfig(process.env);
const mutant = mutants[values.without as keyof typeof mutants] ?? ((services: Services) => services);
if (values.without !== undefined && !(values.without in mutants)) throw new Error(`no guard ${values.without}`);
const compose = (services: Services): Services =>
  values.die === undefined ? mutant(services) : withFailpoints(mutant(services), values.die);
const worker = await startWorkerProcess({
  config,
  databaseUrl: String(config.databaseUrl),
  redisUrl: String(config.redisUrl),
  plans: createRegistry([plan]),
  logger: createLogger({ level: config.logLevel, service: 'worker' }),
  queues: queueNames,
  concurrency: Number(values.concurrency ?? 100),
  overrides: compose,
});
process.on('SIGTERM', () => void worker.stop().then(() => process.exit(0)));
