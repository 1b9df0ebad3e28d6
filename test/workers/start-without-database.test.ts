import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { migrateDatabase } from '../../db/migrate.ts';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { createDatabase } from '../helpers/database.ts';
import { createRedisSpace } from '../helpers/redis.ts';

/** Forwards a port to the test server, as if PostgreSQL were started there. */
async function forward(port: number, to: URL): Promise<Server> {
  const server = createServer((socket) => {
    const upstream = connect(Number(to.port), to.hostname);
    for (const one of [socket, upstream]) one.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('a worker started while PostgreSQL is down waits, logs DATABASE_UNAVAILABLE, and starts when it is available', async () => {
  const created = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const redis = createRedisSpace();
  const port = await freePort();
  const url = new URL(created.url);
  const away = new URL(created.url);
  away.hostname = '127.0.0.1';
  away.port = String(port);
  let proxy: Server | undefined;
  let output = '';
  const child: ChildProcess = spawn(process.execPath, nodeArgs('workers/main.ts', ['--concurrency', '2']), {
    env: {
      ...process.env,
      DATABASE_URL: away.href,
      REDIS_URL: redis.url,
      DROVER_REDIS_PREFIX: redis.prefix,
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => (output += String(part)));
    await expect.poll(() => output, { timeout: 50_000 }).toContain('DATABASE_UNAVAILABLE');
    expect(child.exitCode).toBeNull();
    proxy = await forward(port, url);
    await expect.poll(() => output, { timeout: 50_000 }).toContain('worker ready');
    expect(output).not.toContain('INTERNAL');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL');
    proxy?.close();
    await redis.drop();
    await created.drop();
  }
}, 120_000);
