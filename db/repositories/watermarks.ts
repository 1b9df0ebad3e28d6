import { sql } from 'drizzle-orm';
import type { Run, RunEntity } from '../../src/engine/ports.ts';
import type { Database } from '../client.ts';
import { watermarks } from '../schema/index.ts';
import { coded } from './coded.ts';

/**
 * Keeps where the next incremental run of each entity starts: the newest change seen, but never later than this run's
 * own beginning, because what changed while it was read may have been read before it changed.
 */
export async function saveWatermarks(database: Database, run: Run, entities: readonly RunEntity[]): Promise<void> {
  const begun = (run.startedAt ?? run.createdAt).toISOString();
  const rows = entities
    .filter((entity) => entity.status === 'done' && entity.watermark !== null)
    .map((entity) => ({
      plan: run.plan,
      targetSchema: run.targetSchema,
      entity: entity.entity,
      watermark: [entity.watermark as string, begun].sort()[0] as string,
      runId: run.id,
    }));
  if (rows.length === 0) return;
  const newer = sql`excluded.watermark > ${watermarks.watermark}`;
  const { plan, targetSchema, entity } = watermarks;
  await coded(
    database
      .insert(watermarks)
      .values(rows)
      .onConflictDoUpdate({
        target: [plan, targetSchema, entity],
        set: { watermark: sql`excluded.watermark`, runId: run.id, updatedAt: sql`now()` },
        setWhere: newer,
      })
      .execute(),
  );
}
