import type { RollbackView } from '../control/contract.ts';

/** Who asked for a rollback, and why. */
export interface RollbackRequest {
  readonly actor: string;
  readonly role: string;
  readonly reason: string;
}

export type RollbackProgress = Pick<RollbackView, 'removed' | 'restored' | 'conflicts'>;

/** A run's rollback that this process alone carries out, until it is released or the connection that says so is lost. */
export interface RollbackLock {
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Where rollbacks that take long stand. Any process can say; the one that holds a run's carries it out. */
export interface BackgroundRollbackStore {
  /** Undefined of a run nobody has asked it for. */
  find(runId: string): Promise<RollbackView | undefined>;
  /** A run of the plan into the schema whose rollback is being carried out. */
  findActive(plan: string, targetSchema: string): Promise<string | undefined>;
  /** Throws NOT_ALLOWED_NOW when another process holds it. */
  lock(runId: string): Promise<RollbackLock>;
  /** Begins it, or goes on with one that was interrupted. */
  begin(runId: string, asked: RollbackRequest): Promise<void>;
  /** Adds what a piece of the work came to. */
  add(runId: string, piece: RollbackProgress): Promise<void>;
  end(runId: string, status: 'done' | 'failed', error: string | null): Promise<void>;
}
