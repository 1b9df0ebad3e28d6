import type {
  Conflict,
  CutoverEntry,
  CutoverPlan,
  CutoverProgress,
  CutoverResult,
  CutoverSpec,
  CutoverStatus,
  CutoverView,
  Exchange,
  PlannedDifference,
  RelationName,
  RowCounts,
  Step,
  SwapTiming,
  TablePair,
} from '../../contract/cutover.ts';
import type { Actor } from '../../contract/runs.ts';
import type { Catalog } from './catalog.ts';

/** An exchange as it is kept. */
export interface CutoverRecord {
  readonly stamp: string;
  readonly name: string;
  readonly kind: 'cutover' | 'rollback';
  readonly status: CutoverStatus;
  readonly ofStamp: string | null;
  readonly spec: CutoverSpec;
  readonly tables: readonly Exchange[];
  readonly reason: string;
  readonly actor: string;
  readonly kept: KeptState | null;
}

/** What is left to do once the names are exchanged, kept before the swap so that another process can do it. */
export interface AfterSwap {
  readonly steps: readonly Step[];
  readonly locks: readonly RelationName[];
  /** The catalog's fingerprint before it. */
  readonly before: readonly (readonly [string, string])[];
  readonly differences: readonly PlannedDifference[];
}

/** What is kept of an exchange beside its plan, as far as it has come. */
export interface KeptState
  extends Partial<Pick<CutoverResult, 'counts' | 'timing' | 'unplanned' | 'carried' | 'conflicts'>> {
  readonly progress?: CutoverProgress | undefined;
  readonly problems?: readonly string[] | undefined;
  /** Present from the swap until all that follows it is done. */
  readonly afterwards?: AfterSwap | undefined;
}

export interface SwapOptions {
  /** Milliseconds for all locks of a try together. Below deadlock_timeout, so that we yield before a client is chosen. */
  readonly lockTimeoutMs: number;
  readonly attempts: number;
  /** The first pause between two tries; doubled each time up to 10 s. */
  readonly pauseMs: number;
}

export interface SwapRequest {
  readonly record: CutoverRecord;
  readonly plan: CutoverPlan;
  readonly options: SwapOptions;
  /**
   * Checks the incoming tables again while nothing can write to them and everything can read them: their rows, and the
   * gate. Throws to refuse.
   */
  readonly checkIncoming: (counts: readonly RowCounts[]) => Promise<void>;
}

/** A rollback's own stamp, the stamp of the cutover it goes back from, and its tables. */
export type RollbackKey = Pick<CutoverRecord, 'stamp' | 'ofStamp' | 'tables'>;

export interface Carried {
  readonly carried: number;
  readonly conflicts: readonly Conflict[];
}

export interface CarriedPage extends Carried {
  /** Where the next page begins. */
  readonly last: string;
}

/** What the engine needs of the database. Every method throws DroverError. */
export interface CutoverDatabase {
  /** Runs the work alone: CUTOVER_REFUSED when another process is at it. */
  withLock<T>(work: () => Promise<T>): Promise<T>;
  /** A new stamp from PostgreSQL's clock. */
  stamp(): Promise<string>;
  catalog(pairs: readonly TablePair[]): Promise<Catalog>;
  counts(pairs: readonly TablePair[]): Promise<RowCounts[]>;
  /** How many rows of outside tables point at no incoming row, in words; nothing when all do. */
  findOrphans(catalog: Catalog, plan: CutoverPlan): Promise<string[]>;
  /**
   * One statement by itself, tried again while a lock is not to be had; of the tables named, autovacuum is then made to
   * let go first.
   */
  run(sql: string, options: SwapOptions, tables?: readonly RelationName[]): Promise<void>;
  /** The transaction that exchanges the names. What a rollback carries in it is noted in its record. */
  swap(request: SwapRequest): Promise<SwapTiming & { readonly counts: readonly RowCounts[] }>;
  /**
   * Carries a page of the changes since the cutover into its backup tables, while these are not live; the first page is
   * from '0'. The record of the rollback is told in the same transaction what was carried and what was not.
   */
  carry(rollback: RollbackKey, from: string): Promise<CarriedPage>;
  /** Copies rows that only the live tables have and tables outside the set point at; noted in the same way. */
  copyParents(rollback: RollbackKey): Promise<void>;
  /** What `carry` would do: how many changes wait. */
  countWaiting(stamp: string, tables: readonly Exchange[]): Promise<number>;
  /** Opens a record; CUTOVER_REFUSED while another waits for its go. */
  begin(record: CutoverRecord): Promise<void>;
  /** An operator's word: to go on (`preparing`) or to let go (`abandoned`). */
  applyDecision(stamp: string, status: 'preparing' | 'abandoned'): Promise<void>;
  /**
   * Where the work stands; `kept` takes the place of what was kept before. NOT_ALLOWED_NOW to a process that has lost the lock
   * of `alone`: what it says is not true any more.
   */
  saveStatus(stamp: string, status: CutoverStatus, kept?: KeptState): Promise<void>;
  saveProgress(stamp: string, progress: CutoverProgress): Promise<void>;
  find(stamp: string): Promise<CutoverRecord | undefined>;
  /** The newest first. */
  list(): Promise<CutoverEntry[]>;
  /** One by itself, with its first conflicts. */
  view(stamp: string): Promise<CutoverView | undefined>;
  conflicts(stamp: string, from: number, limit: number): Promise<Conflict[]>;
  dropBackup(stamp: string, options: SwapOptions): Promise<void>;
  /** Drops the schemas of this stamp's backup where they are empty. */
  dropEmptySchemas(stamp: string, tables: readonly Exchange[]): Promise<void>;
}

export interface GateResult {
  readonly ok: boolean;
  readonly reasons: readonly string[];
  /** What was let pass and a person should know. */
  readonly warnings?: readonly string[] | undefined;
}

/** Says whether the set's validation allows a cutover: green, and of the data as it is now. */
export interface Gate {
  check(spec: CutoverSpec): Promise<GateResult>;
}

export interface CutoverDeps {
  readonly database: CutoverDatabase;
  readonly gate: Gate;
  readonly options?: Partial<SwapOptions> | undefined;
  /** Called when a record is open or taken up again, and when its checks are passed. */
  readonly onBegun?: ((stamp: string) => void) | undefined;
  readonly onAllowed?: (() => void) | undefined;
}
/** What is written down of an operator's word, in the transaction that does it. */
export interface CutoverNote {
  readonly actor: Actor;
  readonly action: string;
  readonly reason: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}
