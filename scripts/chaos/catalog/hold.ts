import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from '../ending.ts';
import type { RunnableScenario } from '../exercise.ts';
import type { ChaosEnvironment } from '../ground.ts';
import { checkBalance } from '../oracle/balance.ts';
import { combineFindings, type Finding } from '../oracle/finding.ts';
import { checkLedger } from '../oracle/ledger.ts';
import { checkStripe } from '../oracle/stripe.ts';
import type { ExperimentOptions } from '../running.ts';
import { type CatalogExperiment, startCatalogExperiment } from './drill.ts';
import type { CatalogScenario } from './scenario.ts';

/** A scenario of the catalogue's move into Stripe. */
export function runnableCatalogScenario(scenario: CatalogScenario): RunnableScenario {
  const { name, summary } = scenario;
  return { name, summary, run: (ground, options) => runCatalogExperiment(ground, scenario, options) };
}

async function runCatalogExperiment(
  environment: ChaosEnvironment,
  scenario: CatalogScenario,
  options: ExperimentOptions,
): Promise<ExperimentResult> {
  const drill = await startCatalogExperiment(environment, scenario, options);
  const began = Date.now();
  try {
    const injected = (scenario.injectFaults?.(drill) ?? Promise.resolve()).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await waitForRunEnd(drill, began);
    const seconds = (Date.now() - began) / 1_000;
    drill.runEnded.abort();
    const { fired: faults } = countFaults(drill);
    const wrong = [
      ...(await injected),
      ...(await checkRunEnd(drill, status, drill.expectation)),
      ...checkWorkerDeaths(drill),
      ...((await scenario.check?.(drill)) ?? []),
      ...(faults === 0 ? ['no answer was lost before the run was over'] : []),
    ];
    const finding = await checkCatalogRun(drill);
    return await makeResult(drill, scenario.name, seconds, drill.expectation, { wrong, finding, faults });
  } finally {
    await drill.close();
  }
}

function countFaults({ stripe }: CatalogExperiment): { fired: number } {
  return { fired: stripe.faults.tally().reduce((sum, rule) => sum + rule.fired, 0) };
}

async function checkCatalogRun(drill: CatalogExperiment): Promise<Finding> {
  const { probe, runId, schema, expectation } = drill;
  return combineFindings([
    await checkLedger(probe, runId, expectation),
    await checkBalance(probe, runId),
    await checkStripe(drill, { probe, schema }),
  ]);
}
