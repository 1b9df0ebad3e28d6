import pg from 'pg';
import type { Drill } from '../drill.ts';
import type { Scenario } from '../scenario.ts';

const heldMs = 4_000;
const terminate = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'drover%'`;

export const postgresFull: Scenario = {
  name: 'postgres-full',
  summary: 'all connections of PostgreSQL are ended and taken by somebody else for some seconds, twice',
  setup: { ownPostgres: true },
  async inject(drill) {
    const { progress, recovery } = drill;
    for (const share of [0, 0.3]) {
      await progress.until(share);
      await recovery.during(async () => {
        const held = await takeAll(drill);
        await progress.pause(heldMs);
        await Promise.allSettled(held.map((client) => client.end()));
      });
    }
  },
};

/** Connects until the server has no place left, twice: what it freed in between is taken as well. */
async function takeAll({ ground, probe }: Drill): Promise<pg.Client[]> {
  const held: pg.Client[] = [];
  await probe.ask(terminate);
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
