import type { ApiObject, BeforeImage, Change } from '../../plan/api-target.ts';
import type { OpenRecord } from '../ports.ts';

/** The record an effect is for, and the lease it is held under. */
export interface Held {
  readonly record: Pick<OpenRecord, 'id' | 'epoch' | 'runId' | 'entity' | 'sourceId'>;
  readonly token: string;
  readonly leaseMs: number;
}

export interface NewIntent {
  readonly step: string;
  readonly fingerprint: string;
  /** Beginning of the idempotency key; the store adds the version. */
  readonly keyBase: string;
  readonly objectKind: string;
  readonly objectId: string | null;
  /** Before-images to be kept with it. */
  readonly changes: readonly Change[];
}

export type IntentEnd =
  | { readonly state: 'answered'; readonly objectId: string; readonly made: boolean }
  | { readonly state: 'refused' | 'faulted' | 'sent'; readonly code: string };

/** A before-image as it is kept. */
export interface StoredImage extends BeforeImage {
  readonly row: string;
  readonly sourceId: string;
  readonly hash: string;
}

/** Where intents and before-images are kept. What it answers is on disk: a crash of PostgreSQL takes nothing back. */
export interface EffectStore {
  /** Which of these records have intents in this run, whatever became of them. */
  begun(runId: string, entity: string, sourceIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Writes intent and before-image and renews the lease, all or nothing. Answers the idempotency key, or undefined when
   * somebody else holds the record by now.
   */
  begin(held: Held, worker: string, intent: NewIntent): Promise<string | undefined>;
  end(held: Held, intent: NewIntent, end: IntentEnd): Promise<void>;
  /** Keeps the before-image of an object the run has made, unless it is kept already. */
  made(held: Held, object: ApiObject): Promise<void>;
  /** Source ids of the run's records that still have something to be undone, in pages. */
  undoable(runId: string, entity: string, after: string, limit: number): Promise<readonly string[]>;
  /** What is to be undone of one record, in the order in which it was done. */
  images(runId: string, entity: string, sourceId: string): Promise<readonly StoredImage[]>;
  undone(row: string): Promise<void>;
}
