import { asc, sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { limits } from '../schema/index.ts';
import { type AuditEntry, appendAudit } from './audit.ts';
import { coded } from './coded.ts';

/** A limit an operator set by hand. Redis holds the working copy, which is laid again from here. */
export type StoredLimit = typeof limits.$inferSelect;

export interface LimitStore {
  list(): Promise<StoredLimit[]>;
  /** Sets the limit and writes its audit row, both or neither. */
  set(limit: Omit<StoredLimit, 'updatedAt'>, audit: AuditEntry): Promise<StoredLimit>;
}

export function createLimitStore(database: Database): LimitStore {
  return {
    list: () => coded(database.select().from(limits).orderBy(asc(limits.upstream))),
    set: (limit, audit) => coded(setLimit(database, limit, audit)),
  };
}

function setLimit(database: Database, limit: Omit<StoredLimit, 'updatedAt'>, audit: AuditEntry): Promise<StoredLimit> {
  return database.transaction(async (tx) => {
    const [row] = await tx
      .insert(limits)
      .values(limit)
      .onConflictDoUpdate({ target: limits.upstream, set: { ...limit, updatedAt: sql`now()` } })
      .returning();
    await appendAudit(tx, audit);
    return row as StoredLimit;
  });
}
