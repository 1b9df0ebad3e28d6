import { rmSync } from 'node:fs';
import { Redis } from 'ioredis';
import { signal, waitForExit } from '../stack/process.ts';
import { startRedis } from '../stack/redis.ts';

/** A Redis of its own, on one port from beginning to end, and what can befall it. */
export interface RedisServer {
  readonly url: string;
  /** FLUSHALL: the server lives on and knows nothing. */
  flush(): Promise<void>;
  /** SHUTDOWN NOSAVE, and a new and empty server on the same port. */
  replace(): Promise<void>;
  /** kill -9, and a start from the append-only file. */
  crash(): Promise<void>;
  /** Leaves it next to no memory, so that it refuses writes. */
  exhaustMemory(): Promise<void>;
  /** Takes the bound away again. */
  restoreMemory(): Promise<void>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export async function startRedisServer(dataDir: string): Promise<RedisServer> {
  let server = await startRedis({ dataDir });
  const port = Number(new URL(server.url).port);
  const again = async (): Promise<void> => {
    server = await startRedis({ dataDir, port });
  };
  return {
    url: server.url,
    flush: () => runCommand(server.url, (redis) => redis.flushall()),
    async replace() {
      const { pid } = server;
      await runCommand(server.url, (redis) => redis.shutdown('NOSAVE')).catch(() => undefined);
      if (!(await waitForExit(pid, 10_000))) throw new Error('Redis did not shut down');
      rmSync(dataDir, { recursive: true, force: true });
      await again();
    },
    async crash() {
      await server.kill();
      await again();
    },
    exhaustMemory: () =>
      runCommand(server.url, async (redis) => {
        const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
        await redis.config('SET', 'maxmemory', String(used + 50_000));
      }),
    restoreMemory: () => runCommand(server.url, (redis) => redis.config('SET', 'maxmemory', '0')),
    freeze: () => signal(server.pid, 'SIGSTOP'),
    thaw: () => signal(server.pid, 'SIGCONT'),
    async stop() {
      // A stopped process takes no SIGTERM.
      signal(server.pid, 'SIGCONT');
      await server.stop();
    },
  };
}

async function runCommand(url: string, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
