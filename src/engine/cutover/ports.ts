import type { Catalog } from './catalog.ts';
import type {
  BackupView,
  Conflict,
  Counted,
  CutoverPlan,
  CutoverResult,
  CutoverSpec,
  CutoverStatus,
  Exchange,
  TablePair,
  Timing,
} from './contract.ts';

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
}

export interface SwapOptions {
  /** Milliseconds to wait for one lock. Below deadlock_timeout, so that we yield before a client is chosen. */
  readonly lockTimeoutMs: number;
  readonly attempts: number;
  /** The first pause between two tries; doubled each time up to 10 s. */
  readonly pauseMs: number;
}

export interface SwapRequest {
  readonly record: CutoverRecord;
  readonly plan: CutoverPlan;
  readonly options: SwapOptions;
  /** Judges the rows of the incoming tables, counted again while nobody can write to them; throws to refuse. */
  readonly judge: (counts: readonly Counted[]) => void;
}

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
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** A new stamp from PostgreSQL's clock. */
  stamp(): Promise<string>;
  catalog(pairs: readonly TablePair[]): Promise<Catalog>;
  counts(pairs: readonly TablePair[]): Promise<Counted[]>;
  /** How many rows of outside tables point at no incoming row, in words; nothing when all do. */
  orphans(catalog: Catalog, plan: CutoverPlan): Promise<string[]>;
  /** One statement by itself, tried again while a lock is not to be had. */
  run(sql: string, options: SwapOptions): Promise<void>;
  swap(request: SwapRequest): Promise<Timing & { readonly counts: readonly Counted[] } & Carried>;
  /** Brings a page of the changes since the stamp into its backup tables, while these are not live. From '0' on. */
  carry(stamp: string, tables: readonly Exchange[], from: string): Promise<CarriedPage>;
  /** Brings rows along that only the live tables have and tables outside the set point at. */
  adopt(tables: readonly Exchange[]): Promise<readonly Conflict[]>;
  /** What `carry` would do: how many changes wait. */
  waiting(stamp: string, tables: readonly Exchange[]): Promise<number>;
  begin(record: CutoverRecord): Promise<void>;
  mark(stamp: string, status: CutoverStatus, result?: Omit<CutoverResult, 'plan'>): Promise<void>;
  find(stamp: string): Promise<CutoverRecord | undefined>;
  list(): Promise<BackupView[]>;
  drop(stamp: string, options: SwapOptions): Promise<void>;
}

/** Says whether the set's validation allows a cutover: green, and of the data as it is now. */
export interface Gate {
  check(spec: CutoverSpec): Promise<{ readonly ok: boolean; readonly reasons: readonly string[] }>;
}

export interface CutoverDeps {
  readonly database: CutoverDatabase;
  readonly gate: Gate;
  readonly options?: Partial<SwapOptions> | undefined;
}
