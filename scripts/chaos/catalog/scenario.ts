import type { StripeSandboxOptions } from '../../../src/sandbox/stripe/options.ts';
import type { CatalogExperiment } from './drill.ts';

/** One way in which a move of a catalogue into Stripe can go wrong. */
export interface CatalogScenario {
  readonly name: string;
  /** For people: what happens, in a line. */
  readonly summary: string;
  readonly stripe: StripeSandboxOptions;
  /** Lays what the sandbox's own faults do not do, while the run goes on. */
  injectFaults?(drill: CatalogExperiment): Promise<void>;
  /** What must hold besides the oracle's questions; answers what does not. */
  check?(drill: CatalogExperiment): Promise<readonly string[]>;
}
