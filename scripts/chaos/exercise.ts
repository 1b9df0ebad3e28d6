import type { ExperimentResult } from './ending.ts';
import type { ChaosEnvironment } from './ground.ts';
import { runBubbleExperiment } from './hold-drill.ts';
import type { ExperimentOptions } from './running.ts';
import type { BubbleScenario } from './scenario.ts';

/** Something that can go wrong, ready to be held: whatever it needs besides the ground it brings along. */
export interface RunnableScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  run(ground: ChaosEnvironment, options: ExperimentOptions): Promise<ExperimentResult>;
}

/** A scenario of the Bubble migration. */
export function runnableBubbleScenario(scenario: BubbleScenario): RunnableScenario {
  const { name, summary } = scenario;
  return { name, summary, run: (ground, options) => runBubbleExperiment(ground, scenario, options) };
}
