import { type Database, openDatabase } from '../db/client.ts';

/** The pools of a worker process. Where control and target are one database, so are their pools. */
export interface Databases {
  /** For whatever plans its statements: the conductor, validation, reports. */
  readonly control: Database;
  readonly target: Database;
  /** For the stages, which look rows up by their keys. */
  readonly controlLookups: Database;
  readonly targetLookups: Database;
  /** The control database with commits that are waited for: what has to be on disk before a request goes out. */
  readonly effects: Database;
  close(): Promise<void>;
}

export interface DatabasesOptions {
  readonly databaseUrl: string;
  /** Absent: the control database. */
  readonly targetUrl: string | undefined;
  readonly onError: (error: Error) => void;
}

// A stage's statement moves 500 records at the most. One that takes longer waits for somebody's lock, or for a connection
// that is dead, and its job is better tried again.
const lookupTimeoutMs = 30_000;

/**
 * Opens the pools. What a crash of PostgreSQL takes back of the ledger is done again, so its commits are not waited for;
 * a target of its own is not taken back with it, and is: see docs/decisions/011.
 */
export function openDatabases({ databaseUrl, targetUrl, onError }: DatabasesOptions): Databases {
  const open = (url: string, lookups: boolean, synchronousCommit: boolean): Database =>
    openDatabase({
      ...{ url, onError, lookups, synchronousCommit, applicationName: 'drover worker' },
      max: lookups ? 12 : 6,
      statementMs: lookups ? lookupTimeoutMs : undefined,
    });
  const control = open(databaseUrl, false, false);
  const controlLookups = open(databaseUrl, true, false);
  const apart = targetUrl !== undefined && targetUrl !== databaseUrl;
  const effects = open(databaseUrl, true, true);
  const target = apart ? open(targetUrl, false, true) : control;
  const targetLookups = apart ? open(targetUrl, true, true) : controlLookups;
  return {
    ...{ control, target, controlLookups, targetLookups, effects },
    async close() {
      const pools = new Set([control, target, controlLookups, targetLookups, effects]);
      await Promise.all([...pools].map((pool) => pool.$client.end()));
    },
  };
}
