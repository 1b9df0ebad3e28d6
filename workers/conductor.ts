import { createConductorStore } from '../db/conductor/index.ts';
import { createLeadership } from '../db/conductor/leadership.ts';
import { copyTables } from '../db/trial/quarantine.ts';
import { createRedisIdentity } from '../queues/fleet.ts';
import { type Conductor, createConductor } from '../src/engine/conductor/conductor.ts';
import { entityOrder } from '../src/plan/define-plan.ts';
import { createRunFinisher } from './finisher.ts';
import { restoreOverrides } from './relay.ts';
import type { Services } from './services.ts';

/** The conductor of this process; one of the fleet leads at a time. */
export function startScheduler(services: Services): Conductor {
  const { config, logger, plans } = services;
  const conductor = createConductor({
    store: createConductorStore(services.database, services.target),
    runs: services.runs,
    ledger: services.ledger,
    dispatcher: services.producer,
    redis: createRedisIdentity(services.redis, config.redisPrefix),
    plan: plans.get,
    relay: () => restoreOverrides(services),
    prepareTarget: async (plan, run) => {
      const tables = Object.values(plan.entities).map((entity) => entity.target.table);
      await copyTables(services.target.$client, run, tables);
      await services.postgres.prepare(plan, entityOrder(plan), run.targetSchema);
    },
    finishRun: createRunFinisher(services),
    leadership: createLeadership(services.databaseUrl),
    log: logger,
    name: services.name,
    tickMs: config.tickMs,
    sweepAgeMs: config.sweepAgeMs,
    graceMs: config.lockDurationMs,
  });
  conductor.start();
  return conductor;
}
