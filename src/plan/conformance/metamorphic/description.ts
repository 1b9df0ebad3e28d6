import type { Plan } from '../../contract.ts';
import type { Json, JsonObject } from '../../json.ts';
import type { StandIn } from '../types.ts';

/**
 * One source of a plan with a few records that have nothing wrong: what the metamorphic checks write in other ways and take
 * meanings out of. A plan with a file and an API has two descriptions.
 */
export interface SourceDescription {
  /** Shown in the names of the checks: `CSV files`, `the Data API`. */
  readonly title: string;
  readonly plan: Plan;
  /** By file name (`xendit.csv`) or by what the stand-in calls the list (`invoice`). */
  readonly lists: Readonly<Record<string, ListDescription>>;
  readonly serving: FileServing | ApiServing;
  /** Columns of rows that keep the whole raw record: they hold the spelling itself, so they are not compared. */
  readonly rawColumns?: readonly string[] | undefined;
  /** Guarantees that are known to be broken, by their text. They have to fail so: a mended one is removed here. */
  readonly knownFaults?: Readonly<Record<string, KnownFault>> | undefined;
}

export interface KnownFault {
  readonly reason: string;
  /** A part of the failure's message: failing for another reason is a new fault. */
  readonly shows: string;
}

export interface ListDescription {
  /** The entity whose source reads the list. */
  readonly entity: string;
  /** Of a file every value is text; a column that a record does not name is empty. */
  readonly records: readonly JsonObject[];
  /** The columns the plan reads, in the order of the file. Of an API, dots lead into objects. */
  readonly columns: Readonly<Record<string, ColumnDescription>>;
  /**
   * An entity that is made of this one's rows, where it is there that a code is given; `record` makes what it reads of a row. What
   * its SQL joins is left to the plan's own tests.
   */
  readonly readBy?: { readonly entity: string; record(row: JsonObject): JsonObject } | undefined;
}

/** The entities in which the outcomes of a list's records stand. */
export function entitiesOf({ entity, readBy }: ListDescription): readonly string[] {
  return readBy === undefined ? [entity] : [entity, readBy.entity];
}

export interface ColumnDescription {
  readonly meaning: Meaning;
  /** The column or field of the plan that a code may name instead of this one. */
  readonly into?: string | undefined;
  /**
   * - `value` (default): a record without it is no green row.
   * - `column`: a record may be without it, a file may not lack the column.
   * - `nothing`: the source may lack it altogether.
   */
  readonly needs?: 'value' | 'column' | 'nothing' | undefined;
  /** Another column of the list that serves where this one is missing: a file without it is a good file. */
  readonly alternative?: string | undefined;
}

/** What a column means; it decides what is written into it when its meaning is taken away, and which codes may answer. */
export type Meaning = 'id' | 'date' | 'amount' | 'currency' | 'reference' | 'word' | 'email' | 'text';

/** The plan reads files from a folder. */
export interface FileServing {
  readonly kind: 'files';
  /** The plan's settings that lead to the folder. */
  settings(folder: string): Readonly<Record<string, string>>;
  readonly params: JsonObject;
}

/** The plan reads an API, of which the author has a stand-in. */
export interface ApiServing {
  readonly kind: 'api';
  /** Page sizes to read with, besides the stand-in's own. */
  readonly pageSizes: readonly number[];
  /** A stand-in that holds these records and nothing else. It is closed after each reading. */
  start(lists: Readonly<Record<string, readonly JsonObject[]>>, pageSize?: number): Promise<StandIn>;
  /** Ends what the stand-ins share; called when all checks are done. */
  close?(): Promise<void>;
}

/** The value at a column; of an API dots lead into objects. */
export function valueAt(record: JsonObject, column: string): Json | undefined {
  if (Object.hasOwn(record, column) || !column.includes('.')) return record[column];
  let value: Json | undefined = record;
  for (const key of column.split('.')) value = isObject(value) ? value[key] : undefined;
  return value;
}

/** The record with another value at a column; without the column where the value is undefined. */
export function withValue(record: JsonObject, column: string, value: Json | undefined): JsonObject {
  const [head = column, ...rest] = Object.hasOwn(record, column) ? [column] : column.split('.');
  const { [head]: held, ...others } = record;
  const inner = rest.length === 0 ? value : withValue(isObject(held) ? held : {}, rest.join('.'), value);
  return inner === undefined ? others : { ...record, [head]: inner };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
