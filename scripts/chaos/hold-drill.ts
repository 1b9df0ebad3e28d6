import { startBubbleExperiment } from './drill.ts';
import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from './ending.ts';
import type { ChaosEnvironment } from './ground.ts';
import { checkBubbleRun } from './oracle/ask.ts';
import type { ExperimentOptions } from './running.ts';
import type { BubbleScenario } from './scenario.ts';

/** Holds a drill to its end and asks the oracle what came of it. */
export async function runBubbleExperiment(
  environment: ChaosEnvironment,
  scenario: BubbleScenario,
  options: ExperimentOptions,
): Promise<ExperimentResult> {
  const drill = await startBubbleExperiment(environment, scenario, options);
  const began = Date.now();
  try {
    const injected = scenario.injectFaults(drill).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await waitForRunEnd(drill, began);
    const seconds = (Date.now() - began) / 1_000;
    drill.runEnded.abort();
    const deaths = scenario.setup?.workersMayDie ? [] : checkWorkerDeaths(drill);
    await scenario.adjustExpectationAfterRun?.(drill, drill.expectation);
    const wrong = [
      ...(await injected),
      ...(await checkRunEnd(drill, status, drill.expectation)),
      ...deaths,
      ...((await scenario.check?.(drill)) ?? []),
    ];
    const run = { id: drill.runId, schema: drill.schema };
    const finding = await checkBubbleRun(drill.probe, run, drill.expectation, drill.sandbox.manifest.sums);
    const faults = drill.recovery.faults + drill.sandbox.faults.tally().reduce((sum, rule) => sum + rule.fired, 0);
    if (faults === 0 && !scenario.setup?.prepare) wrong.push('no fault struck before the run was over');
    return await makeResult(drill, scenario.name, seconds, drill.expectation, { wrong, finding, faults });
  } finally {
    await drill.close();
  }
}
