import type { Entity, Plan, Source } from '../contract.ts';
import type { JsonObject } from '../json.ts';

/** One promise a plan makes. `run` throws an AssertionError that says what was broken. */
export interface Check<Subject> {
  readonly guarantee: string;
  run(subject: Subject): Promise<void> | void;
}

/** One entity of a plan, with what it is tried on. */
export interface EntitySubject {
  readonly plan: Plan;
  readonly name: string;
  readonly entity: Entity;
  readonly fixture: PlanFixture;
}

/** An entity whose source can be opened. */
export interface SourceSubject extends EntitySubject {
  /** A stand-in that is kept for the whole suite, with no trouble left over from the check before. */
  standIn(content: SourceContent): Promise<StandIn>;
  /** A source built anew, as a worker that has just started builds it. */
  open(standIn: StandIn): Source;
}

/** A plan that can be run, and the target it runs into. */
export interface RunSubject {
  readonly plan: Plan;
  /** Runs the plan to its end. */
  run(content: SourceContent): Promise<FinishedRun>;
  rollback(runId: string): Promise<{ readonly conflicts: number }>;
  /** Every row of the plan's tables, by table, in a stable order. */
  rows(): Promise<Readonly<Record<string, readonly JsonObject[]>>>;
  /**
   * Makes the rows in the target those of another application: changed, and unknown to Drover. Answers in how many tables some are
   * left: those with a natural key.
   */
  detachRows(): Promise<number>;
}

export interface FinishedRun {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly balanced: boolean;
  readonly extracted: number;
  readonly pending: number;
}

/**
 * What a plan's author gives the conformance suite: `test/conformance/<plan>.fixture.ts`, whose default export is a
 * PlanFixture. The suite brings the rest: fuzzed records, PostgreSQL, Redis, a worker.
 */

export interface PlanFixture {
  /** Starts a stand-in for what the plan reads from. */
  start(content: SourceContent): Promise<StandIn>;
  /** A record of each entity with nothing wrong, as the source gives it; what the fuzz begins with. */
  readonly records: Readonly<Record<string, JsonObject>>;
}

/** `filled`: every entity has enough records for several pages. `empty`: every entity is there and has none. */
export type SourceContent = 'filled' | 'empty';

export interface StandIn {
  /** The plan's environment variables that lead to the stand-in. */
  readonly settings: Readonly<Record<string, string>>;
  /** Parameters for its runs. */
  readonly params?: JsonObject | undefined;
  /** Makes the reading that follows meet trouble, until the next call. Absent where a source can have none: a file. */
  injectFault?(trouble: FaultMode): void;
  close(): Promise<void>;
}

/**
 * - `none`: all is well.
 * - `throttled`: every few requests the answer is 429.
 * - `failing`: every few requests the answer is a fault of the upstream (500, 503, a dropped connection).
 * - `shifting`: while it is read, records appear before and after the place where reading stands.
 * - `repeating`: now and then the page before comes again.
 */
export type FaultMode = 'none' | 'throttled' | 'failing' | 'shifting' | 'repeating';
