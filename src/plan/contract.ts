/**
 * The contract a plan is written against. A plan author needs this file and no other of the engine.
 *
 * Glossary
 * - plan: a named migration, from sources to a target; made of entities.
 * - entity: one kind of record in a plan (users, bookings), with the entities it depends on.
 * - record: one source row, identified by (plan, entity, source id).
 * - run: one execution of a plan with a strategy and parameters.
 * - scope: which part of a source a run reads: a window of time, or a list of ids.
 * - cursor: the position of a scan; opaque JSON that the source defines and the engine stores.
 * - outcome: the result of a stage for one record: a row, a skip with its reason, a reject with its code.
 * - target id: the record's id in the target. A UUIDv5 of plan, entity and source id, unless the target has one already.
 * - natural key: the columns by which the target already knows the row (an email, a user id).
 */
import type { z } from 'zod';
import type { ApiPort } from './api-target.ts';
import type { Json, JsonObject } from './json.ts';
import type { UpstreamFactory } from './upstream.ts';

/** One raw row of a source. `sourceId` is opaque; empty for a row without an id. */
export interface SourceRecord {
  readonly sourceId: string;
  readonly raw: JsonObject;
}

/** A page of records. A null `cursor` is the end of the source. */
export interface Page {
  readonly records: readonly SourceRecord[];
  readonly cursor: Json | null;
  /** The newest time of change, ISO 8601 UTC; the next incremental run starts from it. */
  readonly watermark?: string | undefined;
}

/** The part of a source that a run reads. Times are ISO 8601 UTC; the window is [since, until). */
export interface Scope {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** The source of an entity's records. Reads must be repeatable: the same cursor returns the same page, or a later state of it. */
export interface Source {
  /** Reads the page at the cursor (null: the first page). Throws DroverError with an upstream or file code. */
  read(cursor: Json | null, scope: Scope, signal: AbortSignal): Promise<Page>;
  /** True when a repeated id with other content is a defect of the data (a file), not a change between two pages (an API). */
  readonly immutable?: boolean | undefined;
  /** The number of records in the scope; undefined when the source does not know it. */
  count?(scope: Scope, signal: AbortSignal): Promise<number | undefined>;
}

/** The input of a source factory. */
export interface SourceContext {
  readonly entity: string;
  /** The plan's settings, parsed by its `settings` schema from the environment. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /** The run's parameters, parsed by the plan's `params` schema. */
  readonly params: JsonObject;
  readonly upstreams: UpstreamFactory;
  /** The target as it is now, for sources that read what other entities have loaded; see Entity.readsAfter. */
  readonly target?: TargetReader | undefined;
  /** For sources that have to read everything before they know one record; see Workspace. */
  readonly workspace?: Workspace | undefined;
}

/** A row in the workspace. `rank` is compared by its bytes; it and the names have no zero bytes. */
export interface WorkspaceRow {
  readonly group: string;
  /** Its name in the group: rows of one name are one, with the lowest and the highest rank of all. */
  readonly row: string;
  readonly value: JsonObject;
  readonly rank: string;
}

/**
 * Rows that a source puts aside while it reads, to read them again by groups. They belong to the run and all of its entities,
 * whatever process reads, and are deleted when it ends. Putting a row twice is putting it once, so a page may be repeated. Throws DroverError.
 */
export interface Workspace {
  put(rows: readonly WorkspaceRow[]): Promise<void>;
  /** Removes everything. */
  clear(): Promise<void>;
  /** Says that everything was put, to other entities of the run. */
  complete(): Promise<void>;
  isComplete(): Promise<boolean>;
  /** Whole groups in the order of their bytes, those after the one named; '' begins. */
  groups(
    after: string,
    limit: number,
  ): Promise<
    readonly {
      readonly group: string;
      readonly rows: readonly { readonly value: JsonObject; readonly lowest: string; readonly highest: string }[];
    }[]
  >;
}

/** Reads the target database. `{schema}` in a text is replaced by the run's target schema, quoted. It must not write. */
export interface TargetReader {
  query<T extends Record<string, unknown>>(text: string, values: readonly unknown[]): Promise<T[]>;
}

/** The money of a record: minor units as a decimal string, currency, and the status sums are grouped by. */
export interface RecordMoney {
  readonly minor: string;
  readonly currency: string;
  readonly status: string;
}

/** Money in a raw record. Without a currency, that of the row applies; `unit` is `major` by default. */
export interface RawMoney {
  readonly amount: Json | undefined;
  readonly currency?: string | undefined;
  readonly unit?: 'major' | 'minor' | undefined;
}

/** A reference to a record of another entity, by its source id. */
export interface Reference {
  readonly entity: string;
  readonly sourceId: string;
}

export interface RowOutcome {
  readonly kind: 'row';
  /**
   * Column to value, without reference columns. `id` only where Drover does not generate the row's id: that of an account
   * that exists elsewhere. As a reference, `id` is the id of another record: a profile that shares its user's.
   */
  readonly row: JsonObject;
  /** Column to the record it references; the engine fills in the target id. */
  readonly references?: Readonly<Record<string, Reference>> | undefined;
  /** Records of one entity with the same key are one in the target; see Entity.merge. */
  readonly mergeKey?: string | undefined;
  /** The lowest rank survives a merge; ties go to the lowest source id. ISO times rank well. */
  readonly mergeRank?: string | undefined;
  readonly money?: RecordMoney | undefined;
  /** Input of Entity.enrich, when the row needs it before its load. Never shown or stored; may contain secrets. */
  readonly enrich?: JsonObject | undefined;
  /** Notes for operators on how the row was made (a value dropped, a merge). */
  readonly notes?: readonly string[] | undefined;
}

export interface SkipOutcome {
  readonly kind: 'skip';
  readonly code: string;
  readonly message: string;
}

export interface RejectOutcome {
  readonly kind: 'reject';
  readonly code: string;
  readonly message: string;
  readonly field?: string | undefined;
  readonly money?: RecordMoney | undefined;
  /** The reason may only be that another record is missing. A trial leaves most records out, so it does not count such a reject. */
  readonly missingDependency?: boolean | undefined;
}

export type TransformOutcome = RowOutcome | SkipOutcome | RejectOutcome;

export interface TransformContext {
  readonly sourceId: string;
  readonly params: JsonObject;
}

/** Costly work on a row that must not block a queue worker. */
export interface EnrichTools {
  /** bcrypt with 12 rounds, in a thread pool no larger than the cores. */
  hashPassword(plain: string): Promise<string>;
}

export type ColumnType =
  | 'uuid'
  | 'text'
  | 'text[]'
  | 'boolean'
  | 'integer'
  | 'bigint'
  | `numeric(${number},${number})`
  | 'timestamptz'
  | 'date'
  | 'jsonb';

export interface Column {
  readonly type: ColumnType;
  readonly nullable?: boolean | undefined;
  readonly unique?: boolean | undefined;
  /** SQL default of the column when Drover makes the table. */
  readonly default?: string | undefined;
  /** Left out where an existing target table does not have it. */
  readonly optional?: boolean | undefined;
  /**
   * Written at insert and never over an existing value: a password that was changed since, the creation date of a row that
   * existed before.
   */
  readonly insertOnly?: boolean | undefined;
  /**
   * A right, such as a role: never changed silently. It follows the source only while the row contains what Drover wrote. A row
   * that existed before, or in which another client has changed the value, keeps it, and the record has a note with both
   * values.
   */
  readonly keepExisting?: boolean | undefined;
  /**
   * In a natural key, rows are found by this form of the value: `email` compares addresses by `emailKey`, so an account with
   * another spelling is the same account, and gets the spelling of the record. Drover adds an index for it.
   */
  readonly compareAs?: 'email' | undefined;
  /** The entity whose rows this column references (a foreign key to its id). */
  readonly references?: string | undefined;
  /** Drover creates an index on it with the table: other entities look rows up by it. */
  readonly indexed?: boolean | undefined;
  /** The time of the write: set by the column's default in the database at every insert and update, never compared. */
  readonly writeTimestamp?: boolean | undefined;
  /** Set by `enrich`, so reconcile compares it with the loaded value instead of the transform's. */
  readonly enriched?: boolean | undefined;
  /** Filled from the API's answer (the ids of its objects), not by the transform. */
  readonly filledByApi?: boolean | undefined;
}

/**
 * A table of the target schema. Its key is the column `id` (uuid), always present and not listed in `columns`. Entities may
 * share a table: each writes its own columns. The table is made with those of all; a column of a later entity has to have a
 * default or be nullable, and its foreign key is added when the table it points at is there.
 */
export interface PostgresTarget {
  readonly kind: 'postgres';
  readonly table: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly naturalKey?: readonly string[] | undefined;
  /** The entity whose row has the same id as this one (a foreign key from id to id). */
  readonly idReferences?: string | undefined;
}

/** Columns of the natural key that hold addresses; see `Column.compareAs`. */
export function emailColumnsOf({ naturalKey = [], columns }: PostgresTarget): readonly string[] {
  return naturalKey.filter((name) => columns[name]?.compareAs === 'email');
}

/** The target of records that are objects of an API. */
export interface ApiTarget {
  /** The port of one run. Throws CONFIGURATION naming what is not set. */
  open(context: ApiContext): ApiPort;
}

export interface ApiContext extends SourceContext {
  readonly runId: string;
  /** Aborts when the process stops. */
  readonly signal: AbortSignal;
}

/** What to do with a record whose merge key or natural key another record has. */
export interface Merge {
  /** skip: the record is MERGED into the survivor, and references to it become references to the survivor. reject: with the code. */
  readonly duplicateAction: 'skip' | 'reject';
  readonly code: string;
  /** A description of the rule, shown in reports. */
  readonly rule: string;
  /**
   * The merge key is the record that this reference column names (so two profiles of one person have the same key, even when
   * that person was merged from two). Otherwise the transform's `mergeKey` is used.
   */
  readonly byReference?: string | undefined;
}

export interface Entity {
  readonly title: string;
  readonly dependsOn: readonly string[];
  /** Entities, of `dependsOn`, that must be loaded before reading begins: the source reads their rows in the target. */
  readonly readsAfter?: readonly string[] | undefined;
  source(context: SourceContext): Source;
  /** Schema of a raw record, checked before the transform; an invalid record is rejected with code SCHEMA. */
  readonly schema: z.ZodType;
  /** Pure: the same record has the same outcome. Never throws. */
  transform(raw: JsonObject, context: TransformContext): TransformOutcome;
  enrich?(row: JsonObject, secret: JsonObject, tools: EnrichTools): Promise<JsonObject>;
  readonly target: PostgresTarget;
  /**
   * Set when records go to an API. `target` is then the table in which Drover stores the objects it created there, one row each,
   * which validation, sums and history read. Its columns marked `filledByApi` are filled by the API.
   */
  readonly api?: ApiTarget | undefined;
  readonly merge?: Merge | undefined;
  /** Columns of the target table that contain money; sums are compared by currency and status. */
  readonly money?: { readonly amount: string; readonly currency: string; readonly status: string } | undefined;
  /**
   * For validation's second reading: the columns with the money, and its position in a raw record. `pick` shares no code with the
   * transform and parses nothing: it returns the amount as the source wrote it, and the currency where it is a code.
   */
  readonly rawMoney?:
    | {
        readonly amount: string;
        readonly currency: string;
        pick(raw: JsonObject, context: TransformContext): RawMoney;
      }
    | undefined;
}

/** A validation rule over the rows Drover loaded into one entity's table. */
export interface Rule {
  readonly name: string;
  readonly entity: string;
  readonly severity: 'error' | 'warning';
  readonly description: string;
  /** SQL condition, true for a row that breaks the rule: the row is `t`, tables of the target are `{schema}.name`. */
  readonly violates: string;
}

/** A file that a finished run writes, made from the ids of an entity (`user_id_mapping.json`). */
export interface MappingFile {
  readonly name: string;
  readonly entity: string;
}

/** A report of the plan's own for a finished run, computed from the target's rows when it is requested. */
export interface PlanReport {
  /** Name of the file without its stamp (`revenue.csv`); the run's stamp is inserted before the dot. */
  readonly name: string;
  readonly mediaType: string;
  /** The report's text. `target` reads the run's target schema; `params` are the run's. */
  content(context: {
    readonly target: TargetReader;
    readonly params: JsonObject;
    readonly runId: string;
  }): Promise<string>;
}

/** How an entity's raw records become a CSV file that a run can start from. Every record's columns first, then the rows. */
export interface CsvFormat {
  collectColumns(columns: Set<string>, raw: JsonObject): void;
  header(columns: ReadonlySet<string>): readonly string[];
  toCsvRow(raw: JsonObject, header: readonly string[]): readonly string[];
}

/** The schemas of a cutover of the plan's tables, and their minimum row counts; an operator may choose others. */
export interface CutoverDefaults {
  /** The schema that runs load into before a cutover. Default: the plan's schema with `_staging`. */
  readonly stagingSchema?: string | undefined;
  /** The schema that applications read. Default: the plan's schema. */
  readonly liveSchema?: string | undefined;
  /** By table of the plan: its live schema and name where they differ, and its minimum row count (default 1). */
  readonly tables?:
    | Readonly<
        Record<
          string,
          {
            readonly schema?: string | undefined;
            readonly name?: string | undefined;
            readonly minimum?: number | undefined;
          }
        >
      >
    | undefined;
  /** The percentage of rows by which a table may be smaller than the live one. Default 50. */
  readonly maxShrinkPercent?: number | undefined;
}

/**
 * The comment of a table of `Plan.furtherTables` whose rows are made of a row of the plan by a trigger, and whose foreign key
 * removes them with it: they do not keep a rollback from removing that row.
 */
export const followsParent = 'drover: follows its parent';

export interface Plan {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  /** Environment variables the plan reads. */
  readonly settings: z.ZodType<Readonly<Record<string, string | undefined>>>;
  /** Parameters of a run; unknown ones are refused. */
  readonly params: z.ZodType<JsonObject>;
  /** Names of upstreams, for the limits page. */
  readonly upstreams: readonly string[];
  /** In any order; the engine sorts them by `dependsOn`. */
  readonly entities: Readonly<Record<string, Entity>>;
  readonly rules: readonly Rule[];
  readonly mappingFiles?: readonly MappingFile[] | undefined;
  /** Entities whose export has its own format; the others get a column for every key of their records. */
  readonly csvExport?: Readonly<Record<string, CsvFormat>> | undefined;
  /** Groups of entities that `only` may name besides the entities themselves (`profiles`). */
  readonly steps?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly cutover?: CutoverDefaults | undefined;
  readonly reports?: readonly PlanReport[] | undefined;
  /**
   * Statements that complete the plan's tables with others, triggers and views, for what goes on after the migration. Run after
   * the tables of all of its entities are there, in the transaction that makes them, and again by every run: they change
   * nothing that is there already.
   */
  readonly furtherTables?: ((schema: string) => string) | undefined;
  /** Remedies of the plan's own data codes. */
  readonly codes?: Readonly<Record<string, string>> | undefined;
}
