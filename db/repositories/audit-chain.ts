import { createHash } from 'node:crypto';

export interface AuditRow {
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

/** What the first row carries as the hash of the one before it. */
export const chainStart = '0'.repeat(64);

/** The hash of a row: it covers everything but the id, and the row before. */
export function hashOf(row: Omit<AuditRow, 'id' | 'hash'>): string {
  const { at, actor, role, action, subject, reason, details, previousHash } = row;
  const parts = [previousHash, at.toISOString(), actor, role, action, subject, reason, sorted(details)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

// jsonb keeps neither the order of keys nor undefined; what is hashed must be what comes back.
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
