import pg from 'pg';
import { advisoryLocks } from '../../../db/locks.ts';

export interface Leadership {
  /** True while this process is the leader; tries to become it when there is none. */
  tryAcquire(): Promise<boolean>;
  release(): Promise<void>;
}

// PostgreSQL ends a leader's session after this idle time: a process that was stopped, or whose machine is lost, keeps its
// connection and would remain the leader for ever.
const idleSessionTimeoutMs = 10_000;
const keepAliveMs = 2_500;

/**
 * One leader in the fleet, by an advisory lock on a connection of its own. The lock ends with the connection, so that a
 * leader that is killed, frozen or disconnected is replaced without any clock being compared.
 */
export function createLeadership(url: string): Leadership {
  let client: pg.Client | undefined;
  // A tick may take longer than the allowed idle time.
  const alive = setInterval(() => void client?.query('SELECT 1').catch(() => undefined), keepAliveMs);
  alive.unref();

  async function drop(): Promise<void> {
    const old = client;
    client = undefined;
    await old?.end().catch(() => undefined);
  }

  return {
    async tryAcquire() {
      try {
        if (client) {
          await client.query('SELECT 1');
          return true;
        }
        const candidate = new pg.Client({
          connectionString: url,
          connectionTimeoutMillis: 5_000,
          query_timeout: 5_000,
          keepAlive: true,
          application_name: 'drover leader',
        });
        // Without a handler a lost connection ends the process.
        candidate.on('error', () => {
          if (client === candidate) client = undefined;
        });
        await candidate.connect();
        await candidate.query(`SET idle_session_timeout = ${idleSessionTimeoutMs}`);
        const answer = await candidate.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [
          advisoryLocks.leader,
        ]);
        if (answer.rows[0]?.got) client = candidate;
        else await candidate.end();
        return client === candidate;
      } catch {
        await drop();
        return false;
      }
    },
    async release() {
      clearInterval(alive);
      await drop();
    },
  };
}
