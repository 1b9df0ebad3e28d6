import type { StartRun } from '../../src/contract/runs.ts';
import { type BubbleSandbox, type BubbleSandboxOptions, startBubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import type { ChaosEnvironment } from './environment.ts';
import { type Experiment, type ExperimentOptions, startExperiment } from './experiment.ts';
import { checkBubbleRun } from './oracle/bubble.ts';
import { type Expected, expectationOf, sizeOf } from './oracle/expectation.ts';
import { checkRunEnd, checkWorkerDeaths, type ExperimentResult, makeResult, waitForRunEnd } from './result.ts';

/** Holds a drill to its end and asks the oracle what came of it. */
async function runBubbleExperiment(
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

/** What differs from a drill without faults. */
export interface BubbleScenarioSetup {
  /** Worker processes. Default 4. */
  readonly workers?: number;
  /** Environment of the workers, over the drill's own. */
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

/** One way in which a night can go wrong. */
export interface BubbleScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  readonly setup?: BubbleScenarioSetup;
  /** Lays the faults while the run goes on. What it needs to wait for, it asks of the drill, which stops with the run. */
  injectFaults(drill: BubbleExperiment): Promise<void>;
  /** Corrects what is expected once the run is over, where the fault changed the source. */
  adjustExpectationAfterRun?(drill: BubbleExperiment, expectation: Map<string, Map<string, Expected>>): Promise<void>;
  /** What must hold besides the oracle's questions; answers what does not. */
  check?(drill: BubbleExperiment): Promise<readonly string[]>;
}

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
