import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

const messageOf = (env: Record<string, string>) => {
  try {
    readConfig(env);
  } catch (error) {
    return String(error);
  }
  return 'accepted';
};

test('an empty environment results in the defaults, without URLs for the embedded services', () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    port: 3000,
    host: '127.0.0.1',
    logLevel: 'info',
    lockDurationMs: 30_000,
    stalledIntervalMs: 15_000,
    maxAttempts: 8,
    windowFactor: 4,
    tickMs: 200,
    allowVolatileRedis: false,
    exportDir: './migration_data',
    reportDir: './migration_reports',
  });
  expect(config.databaseUrl).toBeUndefined();
  expect(config.redisUrl).toBeUndefined();
  expect(config.batchSize).toBeUndefined();
});

test('an empty string counts as absent', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', DROVER_TICK_MS: '' })).toMatchObject({ port: 3000, tickMs: 200 });
});

test('every problem is named at once', () => {
  const message = messageOf({
    PORT: 'high',
    DATABASE_URL: 'mysql://x',
    DROVER_TICK_MS: '0',
    DROVER_TRUST_PROXY: 'perhaps',
  });
  for (const name of ['PORT', 'DATABASE_URL', 'DROVER_TICK_MS', 'DROVER_TRUST_PROXY']) expect(message).toContain(name);
});

test('an unknown DROVER_ variable is refused with the nearest known name', () => {
  expect(messageOf({ DROVER_LOCK_DURATON_MS: '1000' })).toContain('did you mean DROVER_LOCK_DURATION_MS?');
  expect(messageOf({ DROVER_ADMINKEY: 'x' })).toContain('did you mean DROVER_ADMIN_KEY?');
});

test('values are never part of a message', () => {
  const secret = 'canary-7d1f';
  const message = messageOf({ DROVER_SESSION_SECRET: secret, DATABASE_URL: secret, DROVER_ADMIN_KEY: `${secret} x` });
  expect(message).toContain('DROVER_SESSION_SECRET');
  expect(message).not.toContain(secret);
});

test("plans get every variable that is not Drover's own, with the defaults of the known ones", () => {
  const { settings } = readConfig({
    DATABASE_URL: 'postgres://u:p@h/d',
    DROVER_TOKEN: 'id.secret',
    BUBBLE_API_KEY: 'key',
    STRIPE_MAX_RPS: '90',
    MIGRATION_BATCH_SIZE: '25',
  });
  expect(settings).toMatchObject({
    BUBBLE_API_KEY: 'key',
    STRIPE_MAX_RPS: '90',
    MIGRATION_BATCH_SIZE: '25',
    STRIPE_API_URL: 'https://api.stripe.com',
  });
  expect(settings).not.toHaveProperty('DATABASE_URL');
  expect(settings).not.toHaveProperty('DROVER_TOKEN');
});
