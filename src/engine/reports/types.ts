import type { FailureVariant } from '../../contract/failure-variants.ts';
import type { ErrorOccurrence, UpstreamTraffic } from '../../contract/metrics.ts';
import type { FailureStatus, RecordStatus, Stage } from '../../contract/record-status.ts';
import type { JsonObject } from '../../plan/json.ts';

/** A record that was rejected, failed, is blocked or differs. */
export interface FailureRow {
  readonly entity: string;
  readonly sourceId: string;
  readonly stage: Stage;
  readonly status: FailureStatus;
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
  readonly attempts: number;
  readonly at: Date;
}

/** Failed records with the same entity, stage, status, code and field. */
export interface FailureGroupRow {
  readonly entity: string;
  readonly stage: Stage;
  readonly status: FailureStatus;
  readonly code: string;
  readonly field: string | null;
  readonly count: number;
  /** The five most frequent messages, at least one. */
  readonly variants: readonly FailureVariant[];
  readonly examples: readonly string[];
  /** By currency, in minor units, of those that carry an amount. */
  readonly sums: readonly { readonly currency: string; readonly minor: string }[];
}

export interface TryRow {
  readonly at: Date;
  readonly entity: string;
  readonly sourceId: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly code: string;
  readonly message: string;
  readonly worker: string;
}

/** Notes of the transform about a record that was loaded. */
export interface NoteRow {
  readonly at: Date;
  readonly entity: string;
  readonly sourceId: string;
  readonly notes: readonly string[];
}

/** Something that happened to a run as a whole. */
export interface RunEvent {
  readonly at: Date;
  readonly level: 'INFO' | 'WARNING' | 'ERROR';
  readonly text: string;
}

export interface IdPair {
  readonly sourceId: string;
  readonly targetId: string;
}

/** What reports read of the ledger. What may be long comes in pages. */
export interface ReportLedger {
  troubleGroups(runId: string): Promise<readonly FailureGroupRow[]>;
  /** By entity in the order of loading, then by source id. */
  troubles(runId: string): AsyncIterable<readonly FailureRow[]>;
  /** In the order they happened. */
  tries(runId: string): AsyncIterable<readonly TryRow[]>;
  /** By entity in the order of loading, then by source id. */
  notes(runId: string): AsyncIterable<readonly NoteRow[]>;
  /** How many tries there were of each kind; see findUpstreamInMessage. */
  triesByCode(runId: string, upstreams: readonly string[]): Promise<readonly TryCount[]>;
  /** What worker processes used while the run was running. */
  usage(runId: string): Promise<RunUsage>;
  /** Requests of operators, validations and extractions, in the order they happened. */
  events(runId: string): Promise<readonly RunEvent[]>;
  /** Raw payloads, by source id. */
  raws(runId: string, entity: string): AsyncIterable<readonly JsonObject[]>;
  /** Records of the run that have a target row without having loaded it: merged ones, and rows left as they were. */
  reusedTargetIds(runId: string, entity: string): AsyncIterable<readonly IdPair[]>;
}

export interface StoredReport {
  readonly name: string;
  readonly mediaType: string;
  readonly content: string;
}

/** Number of unsuccessful tries, by cause. */
export interface TryCount extends ErrorOccurrence {
  readonly stage: Stage;
  readonly count: number;
}
export interface WorkerUsage {
  readonly worker: string;
  /** How long it was alive while the run was running. */
  readonly observedMs: number;
  /** Processor time, threads included. */
  readonly cpuMs: number;
  /** The highest value of samples taken every two seconds. */
  readonly peakRssMb: number;
}

/**
 * What the worker processes used while a run was running. It is measured by process and not by run: runs that went on
 * at the same time each count the whole of it, and are named.
 */
export interface RunUsage {
  readonly workers: readonly WorkerUsage[];
  readonly traffic: readonly UpstreamTraffic[];
  /** Ids of other runs that were going on at the same time. */
  readonly alongside: readonly string[];
}
