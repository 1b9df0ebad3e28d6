import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import type { Hold } from '../../contract/bookings.ts';

/** Limits over which no batch is begun. */
export const throttleLimits = {
  /** How far a standby is behind, in milliseconds; gh-ost's default. */
  replicationLagMs: 1_500,
  /** Segments of the write-ahead log that wait to be archived; where GitLab stops its migrations. */
  walWaiting: 42,
  /** Vacuums of the table that run. */
  vacuums: 0,
  /** Statements that wait for a lock on the table. */
  lockWaits: 0,
} as const;

// One statement of some catalogs. A role without pg_monitor sees no lag and no archive: those signals are then absent.
const signalsSql = `
SELECT coalesce((SELECT max(extract(epoch FROM replay_lag) * 1000) FROM pg_stat_replication WHERE state = 'streaming'), 0)::float8 AS lag,
  (SELECT count(*)::int FROM pg_stat_progress_vacuum v WHERE v.relid = to_regclass($1) AND v.datname = current_database()) AS vacuums,
  (SELECT count(*)::int FROM pg_locks l WHERE NOT l.granted AND l.relation = to_regclass($1)
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS waits,
  CASE WHEN current_setting('archive_mode') <> 'off' AND has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE')
    THEN (SELECT count(*)::int FROM pg_ls_archive_statusdir() d WHERE d.name LIKE '%.ready') ELSE 0 END AS wal`;

interface Signals extends Record<string, unknown> {
  readonly lag: number;
  readonly vacuums: number;
  readonly waits: number;
  readonly wal: number;
}

/** The first reason not to begin a batch now; null when there is none. `table` is qualified. Throws DroverError. */
export async function findHold(pool: pg.Pool, table: string): Promise<Hold | null> {
  const [signals] = await queryPrepared<Signals>(pool, undefined, signalsSql, [table]);
  if (signals === undefined) return null;
  const { replicationLagMs, walWaiting, vacuums, lockWaits } = throttleLimits;
  const checks: readonly Hold[] = [
    { reason: 'a standby is behind (milliseconds)', value: Math.round(signals.lag), limit: replicationLagMs },
    { reason: 'WAL segments wait to be archived', value: signals.wal, limit: walWaiting },
    { reason: 'a vacuum of the table is running', value: signals.vacuums, limit: vacuums },
    { reason: 'statements wait for a lock on the table', value: signals.waits, limit: lockWaits },
  ];
  return checks.find(({ value, limit }) => value > limit) ?? null;
}
