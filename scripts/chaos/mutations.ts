import { runnableCatalogScenario } from './catalog/hold.ts';
import { type RunnableScenario, runnableBubbleScenario } from './exercise.ts';
import type { ChaosEnvironment } from './ground.ts';
import type { Guard } from './mutants/index.ts';
import type { ChaosOptions } from './options.ts';
import { costlyWork } from './scenarios/costly-work.ts';
import { keysForgotten } from './scenarios/keys-forgotten.ts';
import { limits } from './scenarios/limits.ts';
import { webhooksReplayed } from './scenarios/webhooks-replayed.ts';
import { zombieWhilePaused } from './scenarios/zombie-while-paused.ts';
import { runnableWebhookScenario } from './webhooks/hold.ts';

/** Which drill misses which guard. */
const scenarioByGuard: Readonly<Record<Guard, RunnableScenario>> = {
  epoch: runnableBubbleScenario(zombieWhilePaused),
  lease: runnableBubbleScenario(costlyWork),
  intent: runnableCatalogScenario(keysForgotten),
  limiter: runnableBubbleScenario(limits),
  inbox: runnableWebhookScenario(webhooksReplayed),
};

/** A guard was switched off: did anybody notice? */
export interface Mutation {
  readonly guard: Guard;
  readonly scenario: string;
  readonly seed: number;
  readonly noticed: boolean;
  /** What went wrong without it. */
  readonly problems: readonly string[];
}

/** Holds the drill without the guard, under one seed after the other, until it goes wrong as it must. */
export async function runWithoutGuard(
  environment: ChaosEnvironment,
  guard: Guard,
  options: ChaosOptions,
): Promise<Mutation> {
  const exercise = scenarioByGuard[guard];
  const { records, killEvery } = options;
  let last: Mutation | undefined;
  for (const seed of options.seeds) {
    const { problems } = await exercise.run(environment, { records, killEvery, seed, without: guard });
    last = {
      guard,
      scenario: exercise.name,
      seed,
      noticed: problems.length > 0,
      problems: problems.map((one) => one.slice(0, 160)),
    };
    if (last.noticed) break;
  }
  return last as Mutation;
}

/** One of them, for people. */
export function mutationLine({ guard, scenario, seed, noticed, problems }: Mutation): string {
  const head = `${noticed ? 'red as it must be' : 'NOT NOTICED'}: without its ${guard}, in ${scenario} (seed ${seed})`;
  return [head, ...problems.map((problem) => `     ${problem}`)].join('\n');
}
