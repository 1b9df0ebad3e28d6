import { startStripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';
import { startSupabaseSandbox } from '../../../src/sandbox/supabase/sandbox.ts';
import type { ChaosEnvironment } from '../ground.ts';
import type { Expected } from '../oracle/expectation.ts';
import { type Experiment, type ExperimentOptions, startExperiment } from '../running.ts';
import { type CatalogSandboxes, catalogSandboxEnv, seedOutdatedProduct } from './sandboxes.ts';
import type { CatalogScenario } from './scenario.ts';

/** One run of the catalogue's move into Stripe under one scenario and one seed. */
export interface CatalogExperiment extends Experiment, CatalogSandboxes {
  readonly expectation: Map<string, Map<string, Expected>>;
}

// Some ten requests each, to sandboxes in this one process: more of them would try the machine and not the intents.
const maxProducts = 500;

// Little here is found by its age, and a record that waits for its turn at a slow Stripe must not be taken for a lost one.
const longTimeouts = {
  DROVER_LOCK_DURATION_MS: '15000',
  DROVER_STALLED_INTERVAL_MS: '5000',
  DROVER_SWEEP_AGE_MS: '20000',
};

/** Starts the sandboxes, the workers and the run. */
export async function startCatalogExperiment(
  environment: ChaosEnvironment,
  { name, stripe: faulty }: CatalogScenario,
  options: ExperimentOptions,
): Promise<CatalogExperiment> {
  const { seed } = options;
  const products = Math.min(options.records, maxProducts);
  const supabase = await startSupabaseSandbox({ products, seed, dirt: 0 });
  const stripe = await startStripeSandbox({ seed, globalRps: 0, endpointRps: 0, ...faulty });
  const ids = supabase.data.ids('products');
  for (const id of ids.slice(ids.length / 2)) seedOutdatedProduct({ supabase, stripe }, id);
  const running = await startExperiment(environment, {
    workers: 3,
    env: longTimeouts,
    ...{
      name,
      options,
      size: products,
      run: { plan: 'catalog' },
      upstreams: { ...catalogSandboxEnv({ supabase, stripe }), MIGRATION_MAX_CONCURRENCY: '5' },
    },
  });
  const expected: Expected = { outcome: 'reconciled', code: undefined, createdMs: 0 };
  return {
    ...running,
    ...{ supabase, stripe },
    expectation: new Map([['products', new Map(ids.map((id) => [id, expected]))]]),
    async close() {
      await running.close();
      await Promise.all([supabase.close(), stripe.close()]);
    },
  };
}
