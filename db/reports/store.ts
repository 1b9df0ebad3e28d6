import { and, asc, eq, sql } from 'drizzle-orm';
import type { ReportStore } from '../../src/engine/reports/ports.ts';
import type { Database } from '../client.ts';
import { coded } from '../repositories/coded.ts';
import { reports } from '../schema/index.ts';

/** Small reports, over the control database. */
export function createReportStore(database: Database): ReportStore {
  return {
    save: async (runId, stored) => {
      if (stored.length === 0) return;
      const fresh = { mediaType: sql`excluded.media_type`, content: sql`excluded.content`, createdAt: sql`now()` };
      await coded(
        database
          .insert(reports)
          .values(stored.map((report) => ({ runId, ...report })))
          .onConflictDoUpdate({ target: [reports.runId, reports.name], set: fresh }),
      );
    },
    list: (runId) => {
      const bytes = sql<number>`octet_length(${reports.content})`;
      return coded(
        database
          .select({ name: reports.name, mediaType: reports.mediaType, bytes })
          .from(reports)
          .where(eq(reports.runId, runId))
          .orderBy(asc(reports.name)),
      );
    },
    read: async (runId, name) => {
      const mine = and(eq(reports.runId, runId), eq(reports.name, name));
      const { mediaType, content } = reports;
      const columns = { name: reports.name, mediaType, content };
      const [row] = await coded(database.select(columns).from(reports).where(mine));
      return row;
    },
  };
}
