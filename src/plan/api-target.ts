/**
 * The contract of a plan whose records go to an API: slow, rate limited, and with objects that cannot be deleted. The engine
 * ensures that one worker at a time has a record, and that every write is stored before it is sent.
 *
 * Glossary
 * - effect: one request that changes something at the API.
 * - intent: the stored row of an effect that is about to be sent, with its key, and later with its result.
 * - before-image: the state of an object before this run's first effect on it.
 */
import type { JsonObject } from './json.ts';

/** A record to write to the API. */
export interface ApiRecord {
  readonly sourceId: string;
  /** The raw record; its columns may contain what earlier runs wrote back to the source. */
  readonly raw: JsonObject;
  /** The result of the transform, with references resolved. */
  readonly row: JsonObject;
  /**
   * An effect of this record may have been sent before with an unknown result: read the objects
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
  /** Its name in the log: `create product`. */
  readonly step: string;
  /** The parameters that are sent. */
  readonly body: JsonObject;
  /** The object it creates: the kind, and the id where we choose it. */
  readonly creates?: { readonly kind: string; readonly id?: string } | undefined;
  /** Objects it changes, including those that lose a value to another object. */
  readonly changes?: readonly Change[] | undefined;
}

/** An object before and after an effect: all its fields, and those that are overwritten. */
export interface Change {
  readonly object: ApiObject;
  readonly before: JsonObject;
  readonly after: JsonObject;
}

/** Sends the effects of one record while its lease is valid. */
export interface Effects {
  /**
   * Stores the intent and the before-image on disk, sends the request, and stores the answer. The key is reused only while
   * the upstream is certain to recognise the same request by it.
   * @throws whatever the call throws; a lost lease, which only the engine catches.
   */
  run<T extends { readonly id: string }>(effect: Effect, send: (key: string) => Promise<T>): Promise<T>;
  /** Records that an object that was found was created by this run, whose answer was lost. */
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

/** The result of a write or a forecast. `message` describes it field by field. */
export type ApiResult =
  | {
      readonly kind: 'created' | 'updated' | 'repriced' | 'unchanged' | 'exists';
      readonly message: string;
      /** Columns of the target's table that the API fills. */
      readonly answered: JsonObject;
      readonly notes?: readonly string[] | undefined;
    }
  | ApiRefusal;

/** The state of an object before the run, and after it. */
export interface BeforeImage extends ApiObject {
  readonly operation: 'create' | 'update';
  /** Null for an object the run created. */
  readonly before: JsonObject | null;
  readonly after: JsonObject;
}

/** The undo of one before-image: restored (or archived), or the reason why not. `final`: a retry cannot succeed. */
export type UndoResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'conflict'; readonly detail: string; readonly final: boolean };

/** The current state of an object at the API. */
export interface ObservedObject {
  /** As the API returns it; null when it does not exist. */
  readonly state: JsonObject | null;
  /** Fields in which it differs from its row; `missing` when it does not exist. */
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
  /** The result a write would have. Sends no request that changes anything. */
  preview(record: ApiRecord, options: ApiOptions): Promise<ApiResult>;
  write(record: ApiRecord, options: ApiOptions, effects: Effects): Promise<ApiResult>;
  /** Reports to the source that its record was rejected before it reached the API. Absent: nothing is reported. */
  readonly reject?: (record: Pick<ApiRecord, 'sourceId' | 'raw'>, effects: Effects) => Promise<void>;
  /** Fields in which the API differs from each row, read from the API itself. Rows carry the answered columns. */
  compare(rows: readonly { readonly sourceId: string; readonly row: JsonObject }[]): Promise<RowComparison[]>;
  /** The same with the objects as the API returns them, for handlers of webhook events. In the order of the rows. */
  observe?(
    rows: readonly { readonly sourceId: string; readonly row: JsonObject }[],
  ): Promise<readonly ObservedObject[]>;
  /** Undoes a run's changes for one record, given in the order of its effects; one result for each image. */
  undo(images: readonly BeforeImage[]): Promise<readonly UndoResult[]>;
}
