import { and, eq, gt, isNotNull, sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { withDatabaseErrors } from '../errors.ts';
import { inbox } from '../schema/inbox.ts';
import { counts, runs } from '../schema/runs.ts';

const recent = gt(runs.createdAt, sql`now() - interval '30 days'`);

/** Numbers for dashboards, over the runs of the last 30 days: Prometheus stores older values. */
export function createMetricsStore(database: Database) {
  return {
    records: () =>
      withDatabaseErrors(
        database
          .select({
            plan: runs.plan,
            entity: counts.entity,
            stage: counts.stage,
            status: counts.status,
            count: sql<number>`sum(${counts.n})::float8`,
          })
          .from(counts)
          .innerJoin(runs, and(eq(runs.id, counts.runId), recent))
          .groupBy(runs.plan, counts.entity, counts.stage, counts.status),
      ),
    runs: () =>
      withDatabaseErrors(
        database
          .select({ plan: runs.plan, status: runs.status, count: sql<number>`count(*)::float8` })
          .from(runs)
          .where(recent)
          .groupBy(runs.plan, runs.status),
      ),
    /** Events that are not settled; through the index of those that are due. */
    inbox: () =>
      withDatabaseErrors(
        database
          .select({ provider: inbox.provider, state: inbox.state, count: sql<number>`count(*)::float8` })
          .from(inbox)
          .where(isNotNull(inbox.dueAt))
          .groupBy(inbox.provider, inbox.state),
      ),
  };
}
