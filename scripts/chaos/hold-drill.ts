import { openDrill } from './drill.ts';
import { judgeDeaths, judgeEnd, type Result, resultOf, untilEnded } from './ending.ts';
import type { Ground } from './ground.ts';
import { askOracle } from './oracle/ask.ts';
import type { DrillOptions } from './running.ts';
import type { Scenario } from './scenario.ts';

/** Holds a drill to its end and asks the oracle what came of it. */
export async function holdDrill(ground: Ground, scenario: Scenario, options: DrillOptions): Promise<Result> {
  const drill = await openDrill(ground, scenario, options);
  const began = Date.now();
  try {
    const injected = scenario.inject(drill).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await untilEnded(drill, began);
    const seconds = (Date.now() - began) / 1_000;
    drill.over.abort();
    const deaths = scenario.setup?.mayDie ? [] : judgeDeaths(drill);
    await scenario.settled?.(drill, drill.expectation);
    const wrong = [
      ...(await injected),
      ...(await judgeEnd(drill, status, drill.expectation)),
      ...deaths,
      ...((await scenario.check?.(drill)) ?? []),
    ];
    const run = { id: drill.runId, schema: drill.schema };
    const finding = await askOracle(drill.probe, run, drill.expectation, drill.sandbox.manifest.sums);
    const faults = drill.recovery.faults + drill.sandbox.faults.tally().reduce((sum, rule) => sum + rule.fired, 0);
    if (faults === 0 && !scenario.setup?.prepare) wrong.push('no fault struck before the run was over');
    return await resultOf(drill, scenario.name, seconds, drill.expectation, { wrong, finding, faults });
  } finally {
    await drill.close();
  }
}
