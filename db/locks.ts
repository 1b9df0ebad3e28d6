/**
 * Keys of PostgreSQL advisory locks, all in one place: two uses of the same key would block each
 * other. Any numbers will do; they must never change while two versions run side by side.
 */
export const advisoryLocks = {
  migration: 7_214_530_001,
  audit: 7_214_530_002,
  keys: 7_214_530_003,
  leader: 7_214_530_004,
  /** Of the target's database, for a session: its holder is the only cutover. */
  cutover: 7_214_530_017,
} as const;

/** The first half of keys made of two numbers, which PostgreSQL keeps apart from those above; the second is a hash. */
export const advisoryLockClasses = {
  /** Concurrent changes of one run by operators. */
  run: 7_214_530,
  /** Of a session: its holder carries out the rollback of the run. */
  rollback: 7_214_531,
} as const;
