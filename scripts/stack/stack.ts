import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkoutRoot } from './checkout.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { type Redis, startRedis } from './redis.ts';

export interface StackOptions {
  /** Holds the data of both, in `postgres` and `redis`. */
  dir: string;
  /** What is given is used as it is, and not started. */
  databaseUrl?: string | undefined;
  redisUrl?: string | undefined;
}

export interface Stack {
  databaseUrl: string;
  redisUrl: string;
  /** Absent where a URL was given. */
  postgres: Postgres | undefined;
  redis: Redis | undefined;
  saidInOneSentence: string;
  /** Ends what was started or taken over here, and nothing that was given. */
  stop(): Promise<void>;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  mkdirSync(options.dir, { recursive: true });
  const starts = await Promise.allSettled([
    options.databaseUrl ? undefined : startPostgres({ dataDir: join(options.dir, 'postgres') }),
    options.redisUrl ? undefined : startRedis({ dataDir: join(options.dir, 'redis') }),
  ]);
  const [postgres, redis] = await allOrNone(starts);
  return {
    databaseUrl: postgres?.url ?? String(options.databaseUrl),
    redisUrl: redis?.url ?? String(options.redisUrl),
    postgres,
    redis,
    saidInOneSentence: describeStack(options.dir, postgres, redis),
    stop: () => stopAll([postgres, redis]),
  };
}

type Starts = [PromiseSettledResult<Postgres | undefined>, PromiseSettledResult<Redis | undefined>];

/** One that failed takes the other down, so that a failed start leaves nothing running. */
async function allOrNone([postgres, redis]: Starts): Promise<[Postgres | undefined, Redis | undefined]> {
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled') return [postgres.value, redis.value];
  await stopAll([postgres, redis].map((start) => (start.status === 'fulfilled' ? start.value : undefined)));
  throw postgres.status === 'rejected' ? postgres.reason : redis.status === 'rejected' && redis.reason;
}

async function stopAll(servers: (Postgres | Redis | undefined)[]): Promise<void> {
  await Promise.all(servers.map((server) => server?.stop()));
}

function describeStack(dir: string, postgres: Postgres | undefined, redis: Redis | undefined): string {
  const [verb, name] = describeServer('PostgreSQL', 'DATABASE_URL', postgres);
  const [otherVerb, otherName] = describeServer('Redis', 'REDIS_URL', redis);
  const other = otherVerb === verb ? otherName : `${otherVerb} ${otherName}`;
  const place = postgres || redis ? `, with the data in ${relative(checkoutRoot(), dir) || dir}` : '';
  const text = `${verb} ${name} and ${other}${place}.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function describeServer(
  name: string,
  variable: string,
  server: Postgres | Redis | undefined,
): [verb: string, name: string] {
  if (!server) return ['used', `the ${name} that ${variable} names`];
  const verb = server.reused ? 'took over the still running' : 'started';
  return [verb, `${name} ${server.version} on port ${new URL(server.url).port}`];
}
