import { drizzle } from 'drizzle-orm/node-postgres';
import type { CutoverNote } from '../../src/engine/cutover/ports.ts';
import type { Database } from '../client.ts';
import { appendAudit, createAuditLog, type Transaction } from '../repositories/audit.ts';
import * as schema from '../schema/index.ts';
import type { AuditNote } from './records.ts';

/**
 * Writes an operator's word into the audit log: in the transaction that does it where the log is in the same database;
 * else before that commits, so that nothing is done of which the log does not know.
 */
export function auditNote(database: Database, sameDatabase: boolean, note: CutoverNote): AuditNote {
  return async (client, stamp) => {
    const entry = {
      actor: note.actor.id,
      role: note.actor.role,
      action: `cutover.${note.action}`,
      subject: `cutover:${stamp}`,
      reason: note.reason,
      details: note.details,
    };
    if (sameDatabase) await appendAudit(drizzle(client, { schema }) as unknown as Transaction, entry);
    else await createAuditLog(database).append(entry);
  };
}
