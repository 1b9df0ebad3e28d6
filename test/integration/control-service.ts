import { readConfig } from '../../src/config.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import { openControl } from '../../src/service/open-control.ts';
import { startService, type TestService } from './api-service.ts';

/** The API with the real control over PostgreSQL, and no worker: what is asked of runs is written down and waits. */
export async function startControlService(): Promise<TestService> {
  const plans = await loadPlans();
  const config = readConfig({});
  return startService({}, async (database) => openControl({ database, target: database, plans, config }));
}
