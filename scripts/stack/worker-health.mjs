// The health check of a worker's container: a worker has no port, but it writes to the database every two seconds that it
// works. A process that hangs stops telling, which asking whether it exists would not show.
import { hostname } from 'node:os';
import pg from 'pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 3_000 });
try {
  await client.connect();
  const { rowCount } = await client.query(
    "select from drover.workers where host = $1 and seen_at > now() - interval '30 seconds'",
    [hostname()],
  );
  process.exitCode = rowCount > 0 ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await client.end();
}
