import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { freePort } from '../../scripts/stack/port.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createRedisSpace } from '../helpers/redis.ts';

let database: TestDatabase;
const redis = createRedisSpace();
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database.drop();
  await redis.drop();
});

async function runDemo(...args: string[]): Promise<{ code: number | null; out: string }> {
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, DROVER_REDIS_PREFIX: redis.prefix };
  const child = spawn(process.execPath, nodeArgs('scripts/demo.ts', args), {
    env: { ...process.env, ...env, PORT: String(await freePort()) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      out += chunk;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

test('the demo of bookings moves, links and takes events, and says what it checked', { timeout: 240_000 }, async () => {
  const { code, out } = await runDemo('bookings', '--exit', '--rows', '400', '--workers', '1');
  expect(out).toContain('Everything is as the sandbox’s data and events ask for.');
  expect(out.match(/^right: /gm)).toHaveLength(6);
  for (const checked of [/users by address/, /beside \d+ writes/, /12 forgeries refused/, /recomputed by other SQL/])
    expect(out).toMatch(checked);
  expect(code).toBe(0);
});

test('a demo that there is not is refused with the usage', async () => {
  const { code, out } = await runDemo('wizards', '--exit');
  expect(out).toMatch(/no demo of wizards[\s\S]*Usage: npm run demo/);
  expect(code).toBe(1);
});
