import type { Entity, Plan, Source } from '../contract.ts';
import type { JsonObject } from '../json.ts';
import type { PlanFixture, SourceContent, StandIn } from './fixture.ts';

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
   * Makes the rows in the target somebody else's: changed, and unknown to Drover. Answers in how many tables some are
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
