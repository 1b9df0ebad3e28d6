import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { isListening } from '../../scripts/stack/port.ts';
import { startPostgres } from '../../scripts/stack/postgres.ts';
import { removeData } from '../../scripts/stack/postgres-home.ts';
import { startRedis } from '../../scripts/stack/redis.ts';
import { resolveServices, type Services } from '../../scripts/stack/services.ts';
import { startStack } from '../../scripts/stack/stack.ts';

let dir: string;
let releases: (() => Promise<unknown>)[];

beforeEach(() => {
  dir = mkdtempSync(join(inject('testFolder'), 'stack-'));
  chmodSync(dir, 0o755);
  releases = [];
});

afterEach(async () => {
  for (const release of releases.reverse()) await release();
  removeData(join(dir, 'postgres'));
  rmSync(dir, { recursive: true, force: true });
});

function releasing<T extends { stop(): Promise<unknown> }>(server: T): T {
  releases.push(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function answers(url: string): Promise<boolean> {
  return isListening(Number(new URL(url).port));
}

describe('startPostgres', () => {
  const start = async () => releasing(await startPostgres({ dataDir: join(dir, 'postgres'), fsync: false }));

  test('keeps data and port from one start to the next, and is gone after stop', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select 7 as n');
    await first.stop();
    expect(await answers(first.url)).toBe(false);

    const second = await start();
    expect(second).toMatchObject({ url: first.url, reused: false });
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  test('sorts and folds case beyond ASCII without any locale of the system', async () => {
    const { url } = await start();
    expect(await query(url, "select upper('zażółć') as upper, current_setting('server_encoding') as encoding")).toEqual(
      [{ upper: 'ZAŻÓŁĆ', encoding: 'UTF8' }],
    );
  });

  test('listens on this machine only', async () => {
    const { url } = await start();
    const [row] = await query(
      url,
      "select current_setting('listen_addresses') as tcp, current_setting('unix_socket_directories') as unix",
    );
    expect(row).toEqual({ tcp: '127.0.0.1', unix: '' });
  });

  test('recovers after kill -9, with every commit', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select generate_series(1, 1000) as n');
    await first.kill();

    const second = await start();
    expect(second.reused).toBe(false);
    expect(await query(second.url, 'select count(*)::int as n from kept')).toEqual([{ n: 1000 }]);
  });

  test('crashes and comes back on the same port when asked to', async () => {
    const postgres = await start();
    await query(postgres.url, 'create table kept as select 7 as n');
    const before = postgres.pid;
    await postgres.restartImmediate();
    expect(postgres.pid).not.toBe(before);
    expect(await query(postgres.url, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  test('two starts of one folder share one server', async () => {
    const first = await start();
    const second = await startPostgres({ dataDir: join(dir, 'postgres') });
    expect(second).toMatchObject({ url: first.url, pid: first.pid, reused: true });
  });

  test.runIf(process.getuid?.() === 0)('as root works where the other user cannot enter, and forgets all', async () => {
    chmodSync(dir, 0o700);
    const postgres = await start();
    expect(postgres.dataDir).toMatch(/^\/var\/tmp\/drover-/);
    expect(await query(postgres.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await postgres.stop();
    removeData(join(dir, 'postgres'));
    expect(existsSync(postgres.dataDir)).toBe(false);
  });
});

describe('startRedis', () => {
  const start = async () => releasing(await startRedis({ dataDir: join(dir, 'redis') }));

  test('loses nothing that is a second old to kill -9', async () => {
    const first = await start();
    await withRedis(first.url, (redis) => redis.set('kept', '7'));
    await new Promise((done) => setTimeout(done, 1_200));
    await first.kill();
    expect(await answers(first.url)).toBe(false);

    const second = await start();
    expect(second.reused).toBe(false);
    expect(await withRedis(second.url, (redis) => redis.get('kept'))).toBe('7');
  });

  test('is set up as queues need it', async () => {
    const { url } = await start();
    const wanted = { appendonly: 'yes', appendfsync: 'everysec', 'maxmemory-policy': 'noeviction', save: '' };
    await withRedis(url, async (redis) => {
      // One name at a time: several in one CONFIG GET need Redis 7, and 6.0 is supported.
      for (const [name, value] of Object.entries(wanted)) expect(await redis.config('GET', name)).toContain(value);
    });
  });
});

describe('a stack owned by another process', () => {
  async function ownerProcess(): Promise<{ owner: ChildProcess; services: Services }> {
    const owner = spawn(process.execPath, nodeArgs('test/helpers/own-stack.ts', [dir]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    releases.push(async () => owner.kill('SIGKILL'));
    const [line] = await once(createInterface(owner.stdout), 'line');
    return { owner, services: JSON.parse(line) as Services };
  }

  test('is joined, and left running by a process that only joined', async () => {
    const { owner, services } = await ownerProcess();
    const joined = await resolveServices({}, { dir });
    expect(joined).toMatchObject({ started: false, databaseUrl: services.databaseUrl, redisUrl: services.redisUrl });
    expect(joined.saidInOneSentence).toContain(`process ${owner.pid}`);
    await joined.stop();
    expect(await answers(services.databaseUrl)).toBe(true);
    owner.kill('SIGTERM');
    await once(owner, 'exit');
  });

  test('ends with it on SIGTERM', async () => {
    const { owner, services } = await ownerProcess();
    owner.kill('SIGTERM');
    expect(await once(owner, 'exit')).toEqual([143, null]);
    expect(await Promise.all([answers(services.databaseUrl), answers(services.redisUrl)])).toEqual([false, false]);
    expect(existsSync(join(dir, 'stack.json'))).toBe(false);
  });

  test('outlives its kill -9, can be joined, and is taken over by the next start', async () => {
    const { owner, services } = await ownerProcess();
    await query(services.databaseUrl, 'create table kept as select 7 as n');
    owner.kill('SIGKILL');
    await once(owner, 'exit');

    const visitor = await resolveServices({}, { dir, start: false });
    expect(visitor.started).toBe(false);
    const heir = releasing(await resolveServices({}, { dir }));
    expect(heir).toMatchObject({ started: true, databaseUrl: services.databaseUrl, redisUrl: services.redisUrl });
    expect(heir.saidInOneSentence).toMatch(/^Took over the still running PostgreSQL .* and Redis/);
    expect(await query(heir.databaseUrl, 'select n from kept')).toEqual([{ n: 7 }]);
    await heir.stop();
    expect(await Promise.all([answers(heir.databaseUrl), answers(heir.redisUrl)])).toEqual([false, false]);
  });
});

describe('resolveServices', () => {
  test('takes the environment as it is and starts nothing', async () => {
    const env = { DATABASE_URL: 'postgres://db.example/x', REDIS_URL: 'redis://redis.example' };
    const services = await resolveServices(env, { dir });
    expect(services).toMatchObject({ databaseUrl: env.DATABASE_URL, redisUrl: env.REDIS_URL, started: false });
  });

  test('names the remedy when nothing runs and nothing may be started', async () => {
    await expect(resolveServices({}, { dir, start: false })).rejects.toThrow(
      'No PostgreSQL and Redis: run `npm start` first, or set DATABASE_URL and REDIS_URL.',
    );
  });

  test('starts only the services without a URL, and names the URLs that a joining process needs as well', async () => {
    const env = { DATABASE_URL: 'postgres://db.example/x' };
    const services = releasing(await resolveServices(env, { dir }));
    expect(services).toMatchObject({ databaseUrl: env.DATABASE_URL, started: true });
    expect(services.saidInOneSentence).toMatch(/^Used the PostgreSQL that DATABASE_URL names and started Redis/);
    await expect(resolveServices({}, { dir })).rejects.toThrow('was given its DATABASE_URL: set it here too');
  });

  test('two concurrent requests start one stack', async () => {
    const [first, second] = await Promise.all([resolveServices({}, { dir }), resolveServices({}, { dir })]);
    for (const services of [first, second]) releasing(services);
    expect(second.databaseUrl).toBe(first.databaseUrl);
    expect([first.started, second.started].filter(Boolean)).toHaveLength(1);
  });
});

test('a stack that starts only in part leaves nothing running', async () => {
  writeFileSync(join(dir, 'redis'), 'a file where the folder should be');
  await expect(startStack({ dir })).rejects.toThrow('EEXIST');
  expect(existsSync(join(dir, 'postgres', 'postmaster.pid'))).toBe(false);
});
