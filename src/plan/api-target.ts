/**
 * What a plan brings whose records go to an API: slow, limited, and with objects that cannot be taken back. The engine
 * sees to it that one worker at a time has a record, and that every write is written down before it is sent.
 *
 * Glossary
 * - effect: one request that changes something at the API.
 * - intent: the row that says an effect is about to be sent, under which key, and later what became of it.
 * - before-image: what an object was before this run's first effect on it.
 */
import type { JsonObject } from './json.ts';

/** A record on its way into the API. */
export interface ApiRecord {
  readonly sourceId: string;
  /** As the source gave it: its own columns show what earlier runs left there. */
  readonly raw: JsonObject;
  /** As the transform made it, with references filled in. */
  readonly row: JsonObject;
  /**
   * An effect of this record may have been sent before, and its result is unknown: look at the objects
   * themselves, by id and by list, before anything is sent.
   */
  readonly mayHaveBeenSent: boolean;
}

/** An object at the API, or the source's own row. */
export interface ApiObject {
  /** `product`, `price`, `row`. */
  readonly kind: string;
  readonly id: string;
}

/** One request that changes something. */
export interface Effect {
  /** What it does, in words for the log: `create product`. */
  readonly step: string;
  /** The parameters that are sent. */
  readonly body: JsonObject;
  /** What it makes: the kind, and the id where it is chosen by us. */
  readonly creates?: { readonly kind: string; readonly id?: string } | undefined;
  /** Objects it changes, those included that lose something by it. */
  readonly changes?: readonly Change[] | undefined;
}

/** An object before and after an effect: its fields as they are, and those that are written over. */
export interface Change {
  readonly object: ApiObject;
  readonly before: JsonObject;
  readonly after: JsonObject;
}

/** How effects are sent, for one record while its lease holds. */
export interface Effects {
  /**
   * Writes the intent and the before-image down and waits until they are on disk; sends; writes the answer down. The
   * key is the same only while the upstream is sure to take it for the same request.
   * @throws whatever the call throws; a lost lease, which only the engine catches.
   */
  run<T extends { readonly id: string }>(effect: Effect, send: (key: string) => Promise<T>): Promise<T>;
  /** Notes that an object that was found is this run's work, whose answer was lost. */
  recordCreated(object: ApiObject): Promise<void>;
}

export interface ApiOptions {
  readonly skipExisting: boolean;
}

export interface ApiRefusal {
  readonly kind: 'refused';
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
}

/** What was done, or would be. `message` says it field by field. */
export type ApiResult =
  | {
      readonly kind: 'created' | 'updated' | 'repriced' | 'unchanged' | 'exists';
      readonly message: string;
      /** Columns of the target's table that the API fills. */
      readonly answered: JsonObject;
      readonly notes?: readonly string[] | undefined;
    }
  | ApiRefusal;

/** What an object was before the run, and what the run left. */
export interface BeforeImage extends ApiObject {
  readonly operation: 'create' | 'update';
  /** Null of an object the run made. */
  readonly before: JsonObject | null;
  readonly after: JsonObject;
}

/** What became of one before-image: restored (or archived), or why not. `final`: asking again would change nothing. */
export type UndoResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'conflict'; readonly detail: string; readonly final: boolean };

/** What the API says of an object now. */
export interface ObservedObject {
  /** As the API shows it; null when it is gone. */
  readonly state: JsonObject | null;
  /** Fields in which it differs from the row that stands for it; `missing` when it is gone. */
  readonly differs: readonly string[];
}

/** The fields in which a row in the target differs from the row expected; `missing` when there is none. */
export type RowComparison = 'missing' | readonly string[];

/** One record at a time, in any order and by any number of workers. Methods throw DroverError. */
export interface ApiPort {
  /**
   * Records that will be written soon, none of them begun before: the port may look them up in groups. Absent: each is looked
   * up alone.
   */
  announce?(records: readonly Pick<ApiRecord, 'sourceId' | 'row'>[]): void;
  /** What a write would do. Sends nothing that changes anything. */
  preview(record: ApiRecord, options: ApiOptions): Promise<ApiResult>;
  write(record: ApiRecord, options: ApiOptions, effects: Effects): Promise<ApiResult>;
  /** Reports to the source that its record was rejected before it came here. Absent: nothing is reported. */
  readonly reject?: (record: Pick<ApiRecord, 'sourceId' | 'raw'>, effects: Effects) => Promise<void>;
  /** Fields in which the API differs from each row, read from the API itself. Rows carry the answered columns. */
  compare(rows: readonly { readonly sourceId: string; readonly row: JsonObject }[]): Promise<RowComparison[]>;
  /** The same with what the API shows, for handlers of events about it. In the order of the rows. */
  observe?(
    rows: readonly { readonly sourceId: string; readonly row: JsonObject }[],
  ): Promise<readonly ObservedObject[]>;
  /** Takes back what a run did for one record, given in the order of its effects; one answer an image. */
  undo(images: readonly BeforeImage[]): Promise<readonly UndoResult[]>;
}
