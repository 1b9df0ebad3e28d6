import pg from 'pg';
import type { BubbleExperiment } from '../drill.ts';
import type { BubbleScenario } from '../scenario.ts';

const occupiedMs = 4_000;
const terminateAllSql = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'drover%'`;

export const postgresFull: BubbleScenario = {
  name: 'postgres-full',
  summary: 'all connections of PostgreSQL are ended and taken by somebody else for some seconds, twice',
  setup: { ownPostgres: true },
  async injectFaults(drill) {
    const { progress, recovery } = drill;
    for (const share of [0, 0.3]) {
      await progress.waitForShare(share);
      await recovery.measureDuring(async () => {
        const held = await occupyAllConnections(drill);
        await progress.wait(occupiedMs);
        await Promise.allSettled(held.map((client) => client.end()));
      });
    }
  },
};

/** Connects until the server has no place left, twice: what it freed in between is taken as well. */
async function occupyAllConnections({ environment: ground, probe }: BubbleExperiment): Promise<pg.Client[]> {
  const held: pg.Client[] = [];
  await probe.query(terminateAllSql);
  for (let misses = 0; misses < 3 && ground.postgres; ) {
    const client = new pg.Client({ connectionString: ground.postgres.url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    const taken = await client.connect().then(
      () => true,
      () => false,
    );
    if (taken) held.push(client);
    else misses += 1;
  }
  return held;
}
