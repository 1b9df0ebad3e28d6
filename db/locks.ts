/**
 * Keys of PostgreSQL advisory locks, all in one place: two uses of the same key would block each
 * other. The numbers are arbitrary; they must not change while two versions run side by side.
 */
export const advisoryLocks = {
  migration: 7_214_530_001,
  audit: 7_214_530_002,
  keys: 7_214_530_003,
  leader: 7_214_530_004,
  /** In the target's database, held by a session: its holder is the only cutover. */
  cutover: 7_214_530_017,
} as const;

/** The first half of two-number keys, a key space separate from the above; the second half is a hash. */
export const advisoryLockClasses = {
  /** Concurrent changes of one run by operators. */
  run: 7_214_530,
  /** Held by a session: its holder carries out the rollback of the run. */
  rollback: 7_214_531,
  /** In the target's database: folding the statistics of a schema. */
  statistics: 7_214_532,
} as const;
