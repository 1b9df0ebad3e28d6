import { benchPlan } from '../../scripts/bench/plan.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import type { Entity, Plan } from '../../src/plan/contract.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startWorkerProcess } from '../../workers/runtime.ts';

// Run as a process of its own by test/chaos/poison-record.test.ts: a worker whose plan dies over one record.

const items = benchPlan.entities.items as Entity;
const poisoned: Plan = {
  ...benchPlan,
  entities: {
    items: {
      ...items,
      transform: (raw, context) => {
        // As a native module that runs out of memory does: nothing is caught, nothing is closed.
        if (raw.name === 'poison') process.kill(process.pid, 'SIGKILL');
        return items.transform(raw, context);
      },
    },
  },
};

const config = readConfig(process.env);
await startWorkerProcess({
  config,
  databaseUrl: String(config.databaseUrl),
  redisUrl: String(config.redisUrl),
  logger: createLogger({ level: config.logLevel, service: 'poison-worker' }),
  plans: createRegistry([poisoned]),
  queues: ['transform', 'load', 'reconcile', 'extract'],
  concurrency: 50,
});
