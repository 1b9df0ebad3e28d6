import { type BubbleSandbox, startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import type { ChaosEnvironment } from './ground.ts';
import { type Expected, expectationOf, sizeOf } from './oracle/expectation.ts';
import { type Experiment, type ExperimentOptions, startExperiment } from './running.ts';
import type { BubbleScenario } from './scenario.ts';

/** One run of the Bubble migration under one scenario and one seed. */
export interface BubbleExperiment extends Experiment {
  readonly sandbox: BubbleSandbox;
  readonly expectation: Map<string, Map<string, Expected>>;
}

// Users bring profiles, bookings and payments with them: so many records each, about.
const recordsPerUser = 6.4;

/** Starts the sandbox, the workers and the run. */
export async function startBubbleExperiment(
  environment: ChaosEnvironment,
  scenario: BubbleScenario,
  options: ExperimentOptions,
): Promise<BubbleExperiment> {
  const { name, setup = {} } = scenario;
  const users = Math.ceil(options.records / recordsPerUser);
  const sandbox = await startBubbleSandbox({ users, seed: options.seed, ...setup.sandbox });
  setup.prepare?.(sandbox);
  const expectation = expectationOf(sandbox);
  setup.adjustExpectation?.(expectation, sandbox);
  const running = await startExperiment(environment, {
    ...setup,
    ...{ name, options, size: sizeOf(expectation), run: { plan: 'bubble', ...setup.run } },
    upstreams: { BUBBLE_API_URL: sandbox.url, BUBBLE_API_KEY: sandbox.apiKey },
  });
  return {
    ...running,
    ...{ sandbox, expectation },
    async close() {
      await running.close();
      await sandbox.close();
    },
  };
}
