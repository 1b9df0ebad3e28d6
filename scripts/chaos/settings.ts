import { join } from 'node:path';

/** How long after a fault the fleet may notice it: short, or a drill would be spent waiting. */
export const shortTimeouts = {
  DROVER_LOCK_DURATION_MS: '3000',
  DROVER_STALLED_INTERVAL_MS: '1500',
  DROVER_SWEEP_AGE_MS: '8000',
  DROVER_TICK_MS: '100',
  DROVER_SHUTDOWN_GRACE_MS: '5000',
  // Four processes share the machine.
  DROVER_HASH_THREADS: '1',
};

/** The environment of a drill's worker processes. */
export function workerEnvironment(options: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Where the upstreams' sandboxes are, and what opens them. */
  readonly upstreams: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Keeps what an earlier drill left running apart from this one. */
  readonly redisPrefix: string;
}): Record<string, string> {
  return {
    ...shortTimeouts,
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    DROVER_REDIS_PREFIX: options.redisPrefix,
    ...options.upstreams,
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    MIGRATION_EXPORT_DIR: join(options.folder, 'exports'),
    MIGRATION_REPORT_DIR: join(options.folder, 'reports'),
    // The fleet learns from this line that a worker is ready.
    LOG_LEVEL: 'info',
  };
}
