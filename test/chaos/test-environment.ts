import { join } from 'node:path';
import { inject } from 'vitest';
import { type BubbleScenario, type RunnableScenario, runnableBubbleScenario } from './bubble.ts';
import { type ChaosEnvironment, openChaosEnvironment } from './environment.ts';
import type { ExperimentResult } from './result.ts';

/** Servers for the experiments of one test file: the run's PostgreSQL, unless it is to be broken, and a Redis of our own. */
export function openTestEnvironment(name: string, options: { ownPostgres?: boolean } = {}): Promise<ChaosEnvironment> {
  const folder = join(inject('testFolder'), `faults-${name}`);
  return openChaosEnvironment({ folder, ...(options.ownPostgres ? {} : { postgresUrl: inject('postgresUrl') }) });
}

/** Runs an experiment and prints its figures. */
export function runBubbleScenario(
  environment: ChaosEnvironment,
  scenario: BubbleScenario,
  records: number,
  seed = 1,
): Promise<ExperimentResult> {
  return runScenario(environment, runnableBubbleScenario(scenario), records, seed);
}

/** The same of any exercise. */
export async function runScenario(
  environment: ChaosEnvironment,
  scenario: RunnableScenario,
  records: number,
  seed = 1,
): Promise<ExperimentResult> {
  const result = await scenario.run(environment, { records, seed, killEvery: 2 });
  const { kills, lost, doubled, recoveryMs, seconds } = result;
  console.log(
    `${scenario.name}: ${result.records} records in ${seconds.toFixed(1)} s, ${kills} kills, ` +
      `${lost} lost, ${doubled} doubled, recovered in ${recoveryMs} ms`,
  );
  return result;
}
