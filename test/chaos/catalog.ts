import type { StripeSandboxOptions } from '../../src/sandbox/stripe/options.ts';
import { startStripeSandbox } from '../../src/sandbox/stripe/sandbox.ts';
import { startSupabaseSandbox } from '../../src/sandbox/supabase/sandbox.ts';
import { type CatalogSandboxes, catalogSandboxEnv, seedOutdatedProduct } from '../helpers/catalog-sandboxes.ts';
import type { RunnableScenario } from './bubble.ts';
import type { ChaosEnvironment } from './environment.ts';
import { type Experiment, type ExperimentOptions, startExperiment } from './experiment.ts';
import type { Expected } from './oracle/expectation.ts';
import { combineFindings, type Finding } from './oracle/finding.ts';
import { checkBalance, checkLedger } from './oracle/ledger.ts';
import { checkStripe } from './oracle/stripe.ts';
import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from './result.ts';

/** A scenario of the catalogue's move into Stripe. */
export function runnableCatalogScenario(scenario: CatalogScenario): RunnableScenario {
  const { name, summary } = scenario;
  return { name, summary, run: (environment, options) => runCatalogExperiment(environment, scenario, options) };
}

async function runCatalogExperiment(
  environment: ChaosEnvironment,
  scenario: CatalogScenario,
  options: ExperimentOptions,
): Promise<ExperimentResult> {
  const experiment = await startCatalogExperiment(environment, scenario, options);
  const began = Date.now();
  try {
    const injected = (scenario.injectFaults?.(experiment) ?? Promise.resolve()).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await waitForRunEnd(experiment, began);
    const seconds = (Date.now() - began) / 1_000;
    experiment.runEnded.abort();
    const { fired: faults } = countFaults(experiment);
    const wrong = [
      ...(await injected),
      ...(await checkRunEnd(experiment, status, experiment.expectation)),
      ...checkWorkerDeaths(experiment),
      ...((await scenario.check?.(experiment)) ?? []),
      ...(faults === 0 ? ['no answer was lost before the run was over'] : []),
    ];
    const finding = await checkCatalogRun(experiment);
    return await makeResult(experiment, scenario.name, seconds, experiment.expectation, {
      status,
      wrong,
      finding,
      faults,
    });
  } finally {
    await experiment.close();
  }
}

function countFaults({ stripe }: CatalogExperiment): { fired: number } {
  return { fired: stripe.faults.tally().reduce((sum, rule) => sum + rule.fired, 0) };
}

async function checkCatalogRun(experiment: CatalogExperiment): Promise<Finding> {
  const { probe, runId, schema, expectation } = experiment;
  return combineFindings([
    await checkLedger(probe, runId, expectation),
    await checkBalance(probe, runId),
    await checkStripe(experiment, { probe, schema }),
  ]);
}

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

/** One way in which a move of a catalogue into Stripe can go wrong. */
export interface CatalogScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  readonly stripe: StripeSandboxOptions;
  /** Lays what the sandbox's own faults do not do, while the run goes on. */
  injectFaults?(experiment: CatalogExperiment): Promise<void>;
  /** What must hold besides the oracle's questions; answers what does not. */
  check?(experiment: CatalogExperiment): Promise<readonly string[]>;
}
