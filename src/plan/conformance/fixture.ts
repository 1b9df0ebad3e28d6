/**
 * What a plan's author gives the conformance suite: `test/conformance/<plan>.fixture.ts`, whose default export is a
 * PlanFixture. The suite brings the rest: fuzzed records, PostgreSQL, Redis, a worker.
 */
import type { JsonObject } from '../json.ts';

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
