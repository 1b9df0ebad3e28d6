import type { StartRun } from '../../src/contract/runs.ts';
import { type BubbleSandbox, type BubbleSandboxOptions, startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import type { ChaosEnvironment } from './environment.ts';
import { type Experiment, type ExperimentOptions, startExperiment } from './experiment.ts';
import { checkBubbleRun } from './oracle/bubble.ts';
import { type Expected, expectationOf, sizeOf } from './oracle/expectation.ts';
import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from './result.ts';

/** Runs an experiment to its end and checks the result with the oracle. */
async function runBubbleExperiment(
  environment: ChaosEnvironment,
  scenario: BubbleScenario,
  options: ExperimentOptions,
): Promise<ExperimentResult> {
  const experiment = await startBubbleExperiment(environment, scenario, options);
  const began = Date.now();
  try {
    const injected = scenario.injectFaults(experiment).then(
      () => [],
      (error: Error) => [`the scenario itself failed: ${error.message}`],
    );
    const status = await waitForRunEnd(experiment, began);
    const seconds = (Date.now() - began) / 1_000;
    experiment.runEnded.abort();
    const deaths = scenario.setup?.workersMayDie ? [] : checkWorkerDeaths(experiment);
    await scenario.adjustExpectationAfterRun?.(experiment, experiment.expectation);
    const wrong = [
      ...(await injected),
      ...(await checkRunEnd(experiment, status, experiment.expectation)),
      ...deaths,
      ...((await scenario.check?.(experiment)) ?? []),
    ];
    const run = { id: experiment.runId, schema: experiment.schema };
    const finding = await checkBubbleRun(
      experiment.probe,
      run,
      experiment.expectation,
      experiment.sandbox.manifest.sums,
    );
    const faults =
      experiment.recovery.faults + experiment.sandbox.faults.tally().reduce((sum, rule) => sum + rule.fired, 0);
    if (faults === 0 && !scenario.setup?.prepare) wrong.push('no fault struck before the run was over');
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

/** One run of the Bubble migration under one scenario and one seed. */
export interface BubbleExperiment extends Experiment {
  readonly sandbox: BubbleSandbox;
  readonly expectation: Map<string, Map<string, Expected>>;
}

// Users bring profiles, bookings and payments with them: so many records each, about.
const recordsPerUser = 6.4;

/** Starts the sandbox, the workers and the run. */
async function startBubbleExperiment(
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

/** What differs from an experiment without faults. */
export interface BubbleScenarioSetup {
  /** Worker processes. Default 4. */
  readonly workers?: number;
  /** Environment of the workers, over the experiment's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly sandbox?: BubbleSandboxOptions;
  /** Changes the sandbox's data before the run; the oracle expects what it then holds. */
  readonly prepare?: (sandbox: BubbleSandbox) => void;
  /** Needs a PostgreSQL of our own, because it is crashed. */
  readonly ownPostgres?: boolean;
  /** Workers reach PostgreSQL and Redis through proxies that faults can be laid in. */
  readonly proxied?: boolean;
  /** Workers that are watched (see chaos-worker.ts), with these arguments. Default: those of workers/main.ts. */
  readonly instrumentedWorkerArgs?: (journal: string) => readonly string[];
  /** Workers end by themselves, because that is the fault. */
  readonly workersMayDie?: boolean;
  /** Milliseconds by which the clocks of the workers are wrong, one worker after the other. */
  readonly clockOffsetsMs?: readonly number[];
  /** What the run is asked for, besides the plan. */
  readonly run?: Partial<StartRun>;
  /** Corrects what is expected, where the fault is a record's own. */
  readonly adjustExpectation?: (expectation: Map<string, Map<string, Expected>>, sandbox: BubbleSandbox) => void;
}

/** One kind of fault, injected while a run goes on. */
export interface BubbleScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  readonly setup?: BubbleScenarioSetup;
  /** Lays the faults while the run goes on. What it needs to wait for, it polls from the experiment, which stops with the run. */
  injectFaults(experiment: BubbleExperiment): Promise<void>;
  /** Corrects what is expected once the run is over, where the fault changed the source. */
  adjustExpectationAfterRun?(
    experiment: BubbleExperiment,
    expectation: Map<string, Map<string, Expected>>,
  ): Promise<void>;
  /** What must hold besides the oracle's questions; answers what does not. */
  check?(experiment: BubbleExperiment): Promise<readonly string[]>;
}

/** A scenario ready to run: it brings along what it needs besides the environment. */
export interface RunnableScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  run(environment: ChaosEnvironment, options: ExperimentOptions): Promise<ExperimentResult>;
}

/** A scenario of the Bubble migration. */
export function runnableBubbleScenario(scenario: BubbleScenario): RunnableScenario {
  const { name, summary } = scenario;
  return { name, summary, run: (environment, options) => runBubbleExperiment(environment, scenario, options) };
}
