/**
 * What the service answers, as the commands read it. The engine's contract says what runs and records look like; the
 * rest is what the routes of the fleet answer.
 */
import type { Role } from '../engine/control/contract.ts';

export type {
  EntityProgress,
  FailureGroup,
  Journey,
  Page,
  PersonView,
  PurgeView,
  RecordView,
  ReportEntry,
  Role,
  RollbackView,
  RunView,
  SumLine,
  TrialView,
  TryView,
  ValidationCheck,
  ValidationView,
} from '../engine/control/contract.ts';
export type { CutoverForecast, CutoverView, StartCutover } from '../engine/cutover/contract.ts';

/** A list that is given whole. */
export interface List<T> {
  readonly items: readonly T[];
}

export interface PlanView {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  /** Parents before children. */
  readonly entities: readonly {
    readonly name: string;
    readonly title: string;
    readonly dependsOn: readonly string[];
  }[];
  readonly steps: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly {
    readonly name: string;
    readonly entity: string;
    readonly severity: string;
    readonly description: string;
  }[];
  readonly upstreams: readonly string[];
  /** JSON Schema. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Variables it reads from the environment of the service; absent where the service does not say. */
  readonly settings?: readonly {
    readonly name: string;
    readonly set: boolean;
    /** What is wrong with the value. */
    readonly problem: string | null;
    readonly description: string;
  }[];
}

export interface WorkerView {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly rssMb: number;
  readonly loopLagMs: number;
  readonly done: number;
  readonly startedAt: string;
  readonly seenAt: string;
  readonly alive: boolean;
}

export interface QueueView {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedBy: string | null;
  readonly reason: string | null;
  /** Jobs by state; null when Redis does not answer. */
  readonly counts: Readonly<Record<string, number>> | null;
}

export interface UpstreamView {
  readonly name: string;
  readonly maxRps: number;
  readonly currentRps: number | null;
  readonly setBy: string | null;
  readonly reason: string | null;
  readonly breaker: string | null;
  readonly blockedUntil: string | null;
}

export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

/** The only answer that ever holds the key itself. */
export type NewKey = KeyView & { readonly key: string | null };

export interface AuditEntry {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly checked: number;
  readonly brokenAt: number | null;
}

/** Whose key it is that was sent. */
export interface SessionView {
  readonly actor: string;
  readonly role: Role;
  readonly expiresAt: string | null;
}
