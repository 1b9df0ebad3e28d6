import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../db/client.ts';
import { queryPrepared, transaction } from '../../db/sql.ts';
import { startTcpProxy, type TcpProxy } from '../chaos/proxies.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';

const statementMs = 2_000;
const silenceMs = 500;
let place: TestDatabase;
let proxy: TcpProxy;
let database: Database;

beforeAll(async () => {
  place = await createDatabase();
  const url = new URL(place.url);
  proxy = await startTcpProxy(Number(url.port));
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  database = openDatabase({
    url: url.href,
    max: 1,
    applicationName: 'test',
    statementTimeoutMs: statementMs,
    idleInTransactionTimeoutMs: silenceMs,
    onError: () => undefined,
  });
});
afterAll(async () => {
  await database.$client.end();
  await proxy.close();
  await place.drop();
});

const one = () => queryPrepared<{ n: number }>(database.$client, 'one', 'SELECT 1 AS n', []);

test('a connection that does not answer fails once, and the next one works', async () => {
  expect(await one()).toEqual([{ n: 1 }]);
  proxy.blackhole();
  const began = performance.now();
  const lost = transaction(database.$client, async (client) => {
    await queryPrepared(client, undefined, 'SELECT 1', []);
  });
  await expect(lost).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', class: 'transient' });
  // The time of one unanswered statement, not of a second one for a ROLLBACK.
  expect(performance.now() - began).toBeLessThan(1.25 * statementMs + 1_500);
  proxy.restore();
  expect(await one()).toEqual([{ n: 1 }]);
});

test('a statement that takes too long is ended by the server, and its connection is usable again', async () => {
  const slow = queryPrepared(database.$client, undefined, 'SELECT pg_sleep(60)', []);
  await expect(slow).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(await one()).toEqual([{ n: 1 }]);
});

test('a transaction whose process stops sending statements releases its locks', async () => {
  await queryPrepared(database.$client, undefined, 'CREATE TABLE held (n int)', []);
  await queryPrepared(database.$client, undefined, 'INSERT INTO held VALUES (1)', []);
  const other = openDatabase({ url: place.url, max: 1, applicationName: 'other', onError: () => undefined });
  const silent = transaction(database.$client, async (client) => {
    await queryPrepared(client, undefined, 'UPDATE held SET n = 2', []);
    await sleep(4 * silenceMs);
    await queryPrepared(client, undefined, 'UPDATE held SET n = 3', []);
  });
  await expect(Promise.all([silent, sleep(100)])).rejects.toMatchObject({ class: 'transient' });
  expect(await queryPrepared(other.$client, undefined, 'UPDATE held SET n = n + 10 RETURNING n', [])).toEqual([
    { n: 11 },
  ]);
  expect(await one()).toEqual([{ n: 1 }]);
  await other.$client.end();
});
