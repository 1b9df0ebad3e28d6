import { judgeDeaths, judgeEnd, type Result, resultOf, untilEnded } from '../ending.ts';
import type { Exercise } from '../exercise.ts';
import type { Ground } from '../ground.ts';
import { checkBalance } from '../oracle/balance.ts';
import { combine, type Finding } from '../oracle/finding.ts';
import { checkLedger } from '../oracle/ledger.ts';
import { checkStripe } from '../oracle/stripe.ts';
import type { DrillOptions } from '../running.ts';
import { type CatalogDrill, openCatalogDrill } from './drill.ts';
import type { CatalogScenario } from './scenario.ts';

/** A scenario of the catalogue's move into Stripe. */
export function catalogMove(scenario: CatalogScenario): Exercise {
  const { name, summary } = scenario;
  return { name, summary, hold: (ground, options) => hold(ground, scenario, options) };
}

async function hold(ground: Ground, scenario: CatalogScenario, options: DrillOptions): Promise<Result> {
  const drill = await openCatalogDrill(ground, scenario, options);
  const began = Date.now();
  try {
    const injected = (scenario.inject?.(drill) ?? Promise.resolve()).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await untilEnded(drill, began);
    const seconds = (Date.now() - began) / 1_000;
    drill.over.abort();
    const { fired: faults } = total(drill);
    const wrong = [
      ...(await injected),
      ...(await judgeEnd(drill, status, drill.expectation)),
      ...judgeDeaths(drill),
      ...((await scenario.check?.(drill)) ?? []),
      ...(faults === 0 ? ['no answer was lost before the run was over'] : []),
    ];
    const finding = await askOracle(drill);
    return await resultOf(drill, scenario.name, seconds, drill.expectation, { wrong, finding, faults });
  } finally {
    await drill.close();
  }
}

function total({ stripe }: CatalogDrill): { fired: number } {
  return { fired: stripe.faults.tally().reduce((sum, rule) => sum + rule.fired, 0) };
}

async function askOracle(drill: CatalogDrill): Promise<Finding> {
  const { probe, runId, schema, expectation } = drill;
  return combine([
    await checkLedger(probe, runId, expectation),
    await checkBalance(probe, runId),
    await checkStripe(drill, { probe, schema }),
  ]);
}
