import { createHash } from 'node:crypto';
import { and, asc, desc, eq, gt, inArray, lt, sql } from 'drizzle-orm';
import type { AuditEntry } from '../../src/contract/audit.ts';
import type { Database, Queries } from '../client.ts';
import { withDatabaseErrors } from '../errors.ts';
import { advisoryLocks } from '../locks.ts';
import { audit, fleet } from '../schema/fleet.ts';
import { markChanged } from './idempotency.ts';

interface AuditRow {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly details: Record<string, unknown>;
  readonly previousHash: string;
  readonly hash: string;
}

/** The `previousHash` of the first row. */
const firstPreviousHash = '0'.repeat(64);

/** The hash of a row: it covers all columns but the id, and the hash of the previous row. */
function auditRowHash(row: Omit<AuditRow, 'id' | 'hash'>): string {
  const { at, actor, role, action, subject, reason, details, previousHash } = row;
  const parts = [previousHash, at.toISOString(), actor, role, action, subject, reason, sortKeys(details)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

// jsonb does not keep the order of keys.
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

/** A transaction. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

export interface BrokenAuditRow {
  readonly id: number;
  readonly problem: 'changed' | 'previous row changed or missing';
}

export interface AuditVerification {
  readonly ok: boolean;
  /** Number of verified rows: all of them, including those after a broken one. */
  readonly checked: number;
  /** Id of the first broken row; null when no row is. */
  readonly brokenAt: number | null;
  readonly brokenCount: number;
  /** The broken rows, at most the first 10,000. */
  readonly broken: readonly BrokenAuditRow[];
  /** The newest row that was written no longer exists. */
  readonly newestMissing: boolean;
}

export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first; `before` is the id of the last row of the previous page. */
  list(query: {
    before?: number | undefined;
    limit: number;
    actor?: string | undefined;
    subject?: string | undefined;
  }): Promise<AuditRow[]>;
  /** Verifies the whole chain. */
  verify(): Promise<AuditVerification>;
}

// The hash of the newest row, stored separately, so that rows missing at the end are detected.
const headKey = 'audit_head';
const verifyPage = 1_000;
const maxListed = 10_000;

export function createAuditLog(database: Database): AuditLog {
  return {
    append: (entry) => withDatabaseErrors(database.transaction((tx) => appendAudit(tx, entry))),
    list: (query) => withDatabaseErrors(listRows(database, query)),
    verify: () => withDatabaseErrors(verifyChain(database)),
  };
}

/**
 * Writes the audit row of a change, in the transaction of the change. Call it last: from here to the commit all other changes
 * wait, because each row contains the hash of the previous one. Also marks the Idempotency-Key of the request as changed.
 */
export async function appendAudit(tx: Queries, entry: AuditEntry): Promise<void> {
  await markChanged(tx);
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${advisoryLocks.audit})`);
  const [last] = await tx.select({ hash: audit.hash }).from(audit).orderBy(desc(audit.id)).limit(1);
  const row = { ...(await asStored(tx, entry)), previousHash: last?.hash ?? firstPreviousHash };
  const hash = auditRowHash(row);
  await tx.insert(audit).values({ ...row, hash });
  await tx
    .insert(fleet)
    .values({ key: headKey, value: hash })
    .onConflictDoUpdate({ target: fleet.key, set: { value: hash, updatedAt: sql`now()` } });
}

/**
 * The columns as PostgreSQL returns them after storing: the hash must cover what is stored. Their conversion is left to
 * PostgreSQL, because it may change a value (an unpaired surrogate becomes U+FFFD, jsonb rewrites numbers).
 */
async function asStored(tx: Queries, entry: AuditEntry): Promise<Omit<AuditRow, 'id' | 'hash' | 'previousHash'>> {
  const { actor, role, action, subject, reason, details } = storable(entry);
  const { rows } = await tx.execute<StoredEntry & Record<string, unknown>>(sql`
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS ms, ${actor}::text AS actor, ${role}::text AS role,
      ${action}::text AS action, ${subject}::text AS subject, ${reason}::text AS reason,
      ${JSON.stringify(details)}::jsonb AS details`);
  const { ms, ...stored } = rows[0] as StoredEntry;
  // Milliseconds, because the hash is verified with a Date, which has no finer resolution.
  return { ...stored, at: new Date(Number(ms)) };
}

type StoredEntry = Omit<AuditRow, 'id' | 'at' | 'hash' | 'previousHash'> & { readonly ms: string };

/** Without characters that PostgreSQL refuses in text and jsonb, so that a change never fails because of its audit row. */
function storable({ actor, role, action, subject, reason, details }: AuditEntry) {
  const clean = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd');
  return {
    ...{ actor: clean(actor), role, action, subject: clean(subject) },
    reason: reason ? clean(reason) : (reason ?? null),
    details: JSON.parse(JSON.stringify(details ?? {}), (_name, value) =>
      typeof value === 'string' ? clean(value) : value,
    ) as Record<string, unknown>,
  };
}

function listRows(database: Database, query: Parameters<AuditLog['list']>[0]): Promise<AuditRow[]> {
  const conditions = [
    query.before === undefined ? undefined : lt(audit.id, query.before),
    query.actor === undefined ? undefined : eq(audit.actor, query.actor),
    query.subject === undefined ? undefined : inArray(audit.subject, matchingSubjects(query.subject)),
  ];
  return database
    .select()
    .from(audit)
    .where(and(...conditions))
    .orderBy(desc(audit.id))
    .limit(query.limit);
}

/** `run:17` names one subject; `17` every kind of subject with that id. */
function matchingSubjects(subject: string): string[] {
  return [subject, ...['run', 'queue', 'upstream', 'key', 'cutover'].map((kind) => `${kind}:${subject}`)];
}

async function verifyChain(database: Database): Promise<AuditVerification> {
  // Read first: rows that are written during the verification come after it and are verified too.
  const [head] = await database.select({ hash: fleet.value }).from(fleet).where(eq(fleet.key, headKey));
  const broken: BrokenAuditRow[] = [];
  let brokenCount = 0;
  let previousHash = firstPreviousHash;
  let checked = 0;
  let sawHead = head === undefined;
  for (let after = 0; ; ) {
    const rows = await database
      .select()
      .from(audit)
      .where(gt(audit.id, after))
      .orderBy(asc(audit.id))
      .limit(verifyPage);
    for (const row of rows) {
      const problem = problemOf(row, previousHash);
      if (problem !== undefined) {
        brokenCount += 1;
        if (broken.length < maxListed) broken.push({ id: row.id, problem });
      }
      // Continues from what is stored, so that rows after a broken one are verified against it.
      previousHash = row.hash;
      sawHead ||= row.hash === head?.hash;
      checked += 1;
      after = row.id;
    }
    if (rows.length < verifyPage) {
      const ok = brokenCount === 0 && sawHead;
      return { ok, checked, brokenAt: broken[0]?.id ?? null, brokenCount, broken, newestMissing: !sawHead };
    }
  }
}

function problemOf(row: AuditRow, previousHash: string): BrokenAuditRow['problem'] | undefined {
  if (row.hash !== auditRowHash(row)) return 'changed';
  return row.previousHash === previousHash ? undefined : 'previous row changed or missing';
}
