import { eq } from 'drizzle-orm';
import type { CleanRecord } from '../../src/engine/ports.ts';
import type { RollbackLedger } from '../../src/engine/rollback/ports.ts';
import type { Database } from '../client.ts';
import { coded } from '../repositories/coded.ts';
import { watermarks } from '../schema/index.ts';
import { prepared } from '../sql.ts';

const cleans = `
SELECT r.source_id, c.clean FROM drover.records r JOIN drover.cleans c ON c.record_id = r.id
WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id = ANY($3::text[])`;

/** What rollback reads and keeps of the ledger, over the control database. */
export function createRollbackLedger(database: Database): RollbackLedger {
  return {
    cleans: async (runId, entity, sourceIds) => {
      const rows = await prepared<{ source_id: string; clean: CleanRecord }>(database.$client, undefined, cleans, [
        runId,
        entity,
        sourceIds,
      ]);
      return new Map(rows.map((row) => [row.source_id, row.clean]));
    },
    dropWatermarks: async (runId) => {
      await coded(database.delete(watermarks).where(eq(watermarks.runId, runId)));
    },
  };
}
