import type { Role } from '../contract/runs.ts';

/**
 * Responses of the API as the commands read them. The types of runs and records are in `src/contract`; these are those of the
 * other routes.
 */

/** A list without pages. */
export interface List<T> {
  readonly items: readonly T[];
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
  readonly peakRssMb: number;
  /** Processor time since the process started; `cpuPercent` is the recent share of one core. */
  readonly cpuMs: number;
  readonly cpuPercent: number;
  /** Its requests to each upstream since the process started. */
  readonly traffic: Readonly<
    Record<
      string,
      { readonly requests: number; readonly failed: number; readonly sentBytes: number; readonly receivedBytes: number }
    >
  >;
  readonly startedAt: string;
  readonly seenAt: string;
  readonly alive: boolean;
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

/** The only response that contains the key itself. */
export type CreatedKey = KeyView & { readonly key: string | null };

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

export interface AuditVerification {
  readonly ok: boolean;
  readonly checked: number;
  readonly brokenAt: number | null;
  readonly brokenCount: number;
  readonly broken: readonly { readonly id: number; readonly problem: string }[];
  readonly newestMissing: boolean;
}

/** The key that the request was sent with. */
export interface SessionView {
  readonly actor: string;
  readonly role: Role;
  readonly expiresAt: string | null;
}
