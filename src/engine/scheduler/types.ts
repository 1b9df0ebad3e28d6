import type { Database } from '../../../db/client.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Dispatcher, Ledger, RecordRef, Run, StageCount } from '../ledger/types.ts';
import type { RunStore } from '../runs/store.ts';
import type { Leadership } from './leader.ts';

/** A record that was just dispatched. One that has failed before gets a job of its own. */
export interface DueRecord extends RecordRef {
  readonly attempts: number;
  /** Its last worker was lost while it held this record. */
  readonly suspect: boolean;
}

/** The id by which a Redis that was emptied or replaced is recognised. */
export interface RedisIdentity {
  read(): Promise<string | null>;
  write(id: string): Promise<void>;
}

export interface SchedulerDeps {
  readonly database: Database;
  /** The target database, for identities of earlier runs. */
  readonly target: Database;
  readonly runs: RunStore;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly redis: RedisIdentity;
  readonly plan: (name: string) => Plan;
  /** Restores limits and pauses after Redis was lost. */
  readonly restoreOverrides: () => Promise<void>;
  /** Prepares the target before the first record is dispatched. */
  readonly prepareTarget: (plan: Plan, run: Run) => Promise<void>;
  /** Validates, writes the reports and moves the run to its final status. */
  readonly finishRun: (run: Run) => Promise<void>;
  readonly leadership: Leadership;
  readonly log: {
    info(o: object, m: string): void;
    warn(o: object, m: string): void;
    error(o: object, m: string): void;
  };
  /** Name of this process in leases. */
  readonly name: string;
  readonly tickMs: number;
  readonly sweepAgeMs: number;
  /** How long a pause waits for workers before their work is fenced off, in milliseconds. */
  readonly graceMs: number;
}

/** A run with its plan and counts as read in this tick. */
export interface ScheduledRun {
  readonly run: Run;
  readonly plan: Plan;
  readonly counts: readonly StageCount[];
}

/** State between ticks; not needed by the process that takes over. */
export interface SchedulerMemory {
  /** Runs this process is finishing. */
  readonly finishing: Map<string, Promise<void>>;
  /** Time of the last sweep, ms since 1970. */
  sweptAt: number;
  /** Time of the last progress sample of each run, ms since 1970. */
  readonly sampledAt: Map<string, number>;
  /** Since when each run fails with an error that no code explains, ms since 1970. */
  readonly failingSince: Map<string, number>;
}
