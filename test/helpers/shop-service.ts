import type { LightMyRequestResponse } from 'fastify';
import { readConfig } from '../../src/config.ts';
import type { Role } from '../../src/contract/runs.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import type { Plan } from '../../src/plan/contract.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startService, type TestService } from './api-service.ts';
import { createHarness, type Harness, shop } from './shop-harness.ts';

/** The API over the shop's ledger and target, and the harness that fills them. */
export interface ShopService {
  readonly harness: Harness;
  readonly service: TestService;
  call(role: Role, method: 'GET' | 'POST' | 'PATCH', path: string, payload?: object): Promise<LightMyRequestResponse>;
  stop(): Promise<void>;
}

/** `plan`: the plan installed in the service, when it differs from the one the harness loads with. */
export async function startShopService(plan: Plan = shop): Promise<ShopService> {
  const harness = await createHarness();
  const { database, target } = harness;
  const plans = createRegistry([plan]);
  const service = await startService({}, async () => openControl({ database, target, plans, config: readConfig({}) }));
  return {
    harness,
    service,
    call: (role, method, path, payload) =>
      service.app.inject({ method, url: `/api/v1${path}`, headers: service.as(role), ...(payload ? { payload } : {}) }),
    async stop() {
      await service.stop();
      await harness.close();
    },
  };
}
