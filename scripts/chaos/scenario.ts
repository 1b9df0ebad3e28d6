import type { StartRun } from '../../src/engine/control/contract.ts';
import type { BubbleSandbox, BubbleSandboxOptions } from '../../src/sandbox/bubble/sandbox.ts';
import type { BubbleExperiment } from './drill.ts';
import type { Expected } from './oracle/expectation.ts';

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
  /** Workers that are watched (see drilled-worker.ts), with these arguments. Default: those of workers/main.ts. */
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
