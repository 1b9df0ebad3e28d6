import { and, desc, eq, gt, isNull, lt, or, sql } from 'drizzle-orm';
import type { AuditEntry } from '../../src/contract/audit.ts';
import type { Database } from '../client.ts';
import { withDatabaseErrors } from '../errors.ts';
import { advisoryLocks } from '../locks.ts';
import { endedSessions, keys } from '../schema/fleet.ts';
import { appendAudit, type Transaction } from './audit.ts';

/** An API key as it is stored; of the secret only the SHA-256, in hex. */
export type StoredKey = typeof keys.$inferSelect;
export type NewKey = Pick<StoredKey, 'id' | 'name' | 'role' | 'secretHash' | 'createdBy' | 'expiresAt'>;

export type RevokeResult = 'revoked' | 'absent' | 'last admin';

export interface KeyStore {
  find(id: string): Promise<StoredKey | undefined>;
  /** Newest first, revoked ones included; `before` is the id of the last key of the previous page. */
  list(query: { before?: string | undefined; limit: number }): Promise<StoredKey[]>;
  create(key: NewKey, audit: AuditEntry): Promise<StoredKey>;
  /** Revokes a key, except the last usable admin key. */
  revoke(id: string, audit: AuditEntry): Promise<RevokeResult>;
  /** Creates the key unless a usable admin key exists; returns whether it did. Of concurrent calls one creates it. */
  createFirst(key: NewKey, audit: AuditEntry): Promise<boolean>;
  /** Creates the key, or replaces the secret of an existing one; a revoked key stays revoked. */
  ensure(key: NewKey, audit: AuditEntry): Promise<'created' | 'changed' | 'kept' | 'revoked'>;
  /** Stores the time of last use. */
  touch(id: string): Promise<void>;
}

export function createKeyStore(database: Database): KeyStore {
  const withKeysLock = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    withDatabaseErrors(
      database.transaction(async (tx) => {
        await tx.execute(sql`SELECT pg_advisory_xact_lock(${advisoryLocks.keys})`);
        return work(tx);
      }),
    );
  return {
    find: (id) => withDatabaseErrors(findKey(database, id)),
    list: (query) => withDatabaseErrors(listKeys(database, query)),
    create: (key, audit) => withKeysLock((tx) => insertKey(tx, key, audit)),
    revoke: (id, audit) => withKeysLock((tx) => revokeKey(tx, id, audit)),
    createFirst: (key, audit) => withKeysLock((tx) => createFirst(tx, key, audit)),
    ensure: (key, audit) => withKeysLock((tx) => ensureKey(tx, key, audit)),
    touch: (id) => withDatabaseErrors(touchKey(database, id)),
  };
}

async function findKey(from: Database | Transaction, id: string): Promise<StoredKey | undefined> {
  const [row] = await from.select().from(keys).where(eq(keys.id, id));
  return row;
}

async function listKeys(database: Database, query: Parameters<KeyStore['list']>[0]): Promise<StoredKey[]> {
  const last = query.before === undefined ? undefined : await findKey(database, query.before);
  const older =
    last && or(lt(keys.createdAt, last.createdAt), and(eq(keys.createdAt, last.createdAt), lt(keys.id, last.id)));
  return database.select().from(keys).where(older).orderBy(desc(keys.createdAt), desc(keys.id)).limit(query.limit);
}

async function insertKey(tx: Transaction, key: NewKey, audit: AuditEntry): Promise<StoredKey> {
  const [row] = await tx
    .insert(keys)
    // Milliseconds, because pages continue from a Date, which has no finer resolution.
    .values({ ...key, createdAt: sql`date_trunc('milliseconds', now())` })
    .returning();
  await appendAudit(tx, audit);
  return row as StoredKey;
}

async function revokeKey(tx: Transaction, id: string, audit: AuditEntry): Promise<RevokeResult> {
  const key = await findKey(tx, id);
  if (!key || key.revokedAt) return 'absent';
  const admins = await usableAdmins(tx);
  if (admins.includes(id) && admins.length === 1) return 'last admin';
  await tx.update(keys).set({ revokedAt: sql`now()` }).where(eq(keys.id, id));
  await appendAudit(tx, audit);
  return 'revoked';
}

async function createFirst(tx: Transaction, key: NewKey, audit: AuditEntry): Promise<boolean> {
  if ((await usableAdmins(tx)).length > 0) return false;
  await insertKey(tx, key, audit);
  return true;
}

async function ensureKey(tx: Transaction, key: NewKey, audit: AuditEntry): ReturnType<KeyStore['ensure']> {
  const found = await findKey(tx, key.id);
  if (found?.revokedAt) return 'revoked';
  if (found?.secretHash === key.secretHash) return 'kept';
  if (!found) {
    await insertKey(tx, key, audit);
    return 'created';
  }
  await tx.update(keys).set({ secretHash: key.secretHash }).where(eq(keys.id, key.id));
  await appendAudit(tx, { ...audit, action: 'key.change' });
  return 'changed';
}

async function usableAdmins(tx: Transaction): Promise<string[]> {
  const unexpired = or(isNull(keys.expiresAt), gt(keys.expiresAt, sql`now()`));
  const rows = await tx
    .select({ id: keys.id })
    .from(keys)
    .where(and(eq(keys.role, 'admin'), isNull(keys.revokedAt), unexpired));
  return rows.map((row) => row.id);
}

async function touchKey(database: Database, id: string): Promise<void> {
  await database.update(keys).set({ lastUsedAt: sql`now()` }).where(eq(keys.id, id));
}

/** Browser sessions that were signed out before they expired. */
export interface EndedSessions {
  add(id: string, expiresAt: Date): Promise<void>;
  has(id: string): Promise<boolean>;
  /** Deletes those that have expired. */
  purge(): Promise<void>;
}

export function createEndedSessions(database: Database): EndedSessions {
  return {
    async add(id, expiresAt) {
      await withDatabaseErrors(database.insert(endedSessions).values({ id, expiresAt }).onConflictDoNothing());
    },
    async has(id) {
      const rows = await withDatabaseErrors(database.select().from(endedSessions).where(eq(endedSessions.id, id)));
      return rows.length > 0;
    },
    async purge() {
      await withDatabaseErrors(database.delete(endedSessions).where(lt(endedSessions.expiresAt, sql`now()`)));
    },
  };
}
