import type { BubbleSandboxOptions } from '../../src/sandbox/bubble/options.ts';
import type { BubbleSandbox } from '../../src/sandbox/bubble/sandbox.ts';
import type { Drill } from './drill.ts';

/** What differs from a drill without faults. */
export interface Setup {
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
}

/** One way in which a night can go wrong. */
export interface Scenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  readonly setup?: Setup;
  /** Lays the faults while the run goes on. What it needs to wait for, it asks of the drill, which stops with the run. */
  inject(drill: Drill): Promise<void>;
  /** What must hold besides the oracle's questions; answers what does not. */
  check?(drill: Drill): Promise<readonly string[]>;
}
