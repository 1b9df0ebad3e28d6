import type { Entity, Plan, Source } from '../contract.ts';
import type { JsonObject } from '../json.ts';

/** One guarantee of a plan. `run` throws an AssertionError that describes the violation. */
export interface Check<Subject> {
  readonly guarantee: string;
  run(subject: Subject): Promise<void> | void;
}

/** One entity of a plan, with its test input. */
export interface EntitySubject {
  readonly plan: Plan;
  readonly name: string;
  readonly entity: Entity;
  readonly fixture: PlanFixture;
}

/** An entity whose source can be opened. */
export interface SourceSubject extends EntitySubject {
  /** A stand-in that is kept for the whole suite, without faults of the previous check. */
  standIn(content: SourceContent): Promise<StandIn>;
  /** A new source, as a worker that has just started creates it. */
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
   * Turns the rows in the target into those of another application: changed, and unknown to Drover. Returns the number of tables
   * that still have rows: those with a natural key.
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
 * The input of the conformance suite for a plan: `test/conformance/<plan>.fixture.ts`, whose default export is a
 * PlanFixture. The suite adds fuzzed records, PostgreSQL, Redis and a worker.
 */

export interface PlanFixture {
  /** Starts a stand-in for the plan's sources. */
  start(content: SourceContent): Promise<StandIn>;
  /** A valid raw record of each entity, from which fuzzed records are made. */
  readonly records: Readonly<Record<string, JsonObject>>;
}

/** `filled`: every entity has enough records for several pages. `empty`: every entity exists without records. */
export type SourceContent = 'filled' | 'empty';

export interface StandIn {
  /** The plan's environment variables for the stand-in. */
  readonly settings: Readonly<Record<string, string>>;
  /** Parameters for its runs. */
  readonly params?: JsonObject | undefined;
  /** Injects a fault into the following reads, until the next call. Absent for a source that cannot have one: a file. */
  injectFault?(trouble: FaultMode): void;
  close(): Promise<void>;
}

/**
 * - `none`: no fault.
 * - `throttled`: every few requests the answer is 429.
 * - `failing`: every few requests fail (500, 503, a dropped connection).
 * - `shifting`: during the scan, records appear before and after its position.
 * - `repeating`: some requests return the previous page again.
 */
export type FaultMode = 'none' | 'throttled' | 'failing' | 'shifting' | 'repeating';
