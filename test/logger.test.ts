import { Writable } from 'node:stream';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { DroverError, toDroverError } from '../src/errors.ts';
import { createLogger } from '../src/logger.ts';

const canary = 'canary-5e1f@example.com';

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  write(createLogger({ level: 'trace', service: 'test', destination }));
  return lines.join('');
}

/** Logs the error in every supported way, and returns the output. */
const everyWay = (error: unknown): string =>
  logged((logger) => {
    logger.error(error);
    logger.error({ err: error });
    logger.error({ err: error, runId: 'r1' }, 'with a text');
    logger.error(error, 'as the first argument');
    logger.child({ runId: 'r1' }).warn({ err: new DroverError('INTERNAL', 'x', { cause: error }) });
  });

const thrownBy = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('nothing was thrown'),
    (error) => error as Error,
  );

test("PostgreSQL's errors are told by code; rows, parameters and messages stay out", async () => {
  const client = new pg.Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  await client.query('CREATE TEMP TABLE people (email text PRIMARY KEY, age int)');
  await client.query('INSERT INTO people VALUES ($1, 1)', [canary]);
  const duplicate = await thrownBy(client.query('INSERT INTO people VALUES ($1, 1)', [canary]));
  const mistyped = await thrownBy(client.query('SELECT $1::text::int', [canary]));
  await client.end();
  for (const [error, code] of [
    [duplicate, '23505'],
    [mistyped, '22P02'],
  ] as const) {
    expect(everyWay(error)).toContain(code);
    expect(everyWay(error).includes(canary)).toBe(false);
    expect(everyWay(toDroverError(error)).includes(canary)).toBe(false);
  }
});

test("Redis's errors lose their command", async () => {
  const redis = new Redis(inject('redisUrl'));
  await redis.set(`test:${canary}`, canary);
  const error = await thrownBy(redis.lpush(`test:${canary}`, canary));
  await redis.unlink(`test:${canary}`);
  redis.disconnect();
  expect(everyWay(error)).toContain('WRONGTYPE');
  expect(everyWay(error).includes(canary)).toBe(false);
});

test('of an HTTP client only type and code remain: no headers, no body', () => {
  const error = Object.assign(new Error(`No such customer: ${canary}`), {
    type: 'StripeInvalidRequestError',
    code: 'resource_missing',
    headers: { authorization: canary },
    raw: { headers: { 'request-id': canary }, body: canary },
    config: { data: canary },
  });
  expect(everyWay(error)).toContain('resource_missing');
  expect(everyWay(error).includes(canary)).toBe(false);
});

test('errors of the JSON parser quote their input, so their messages are not written', () => {
  const error = (() => {
    try {
      return JSON.parse(canary);
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(String(error)).toContain('canary');
  expect(everyWay(error)).not.toContain('canary');
});

test('an error of our own keeps code, message and the code of its cause', () => {
  const cause = Object.assign(new Error(canary), { code: 'ECONNREFUSED' });
  const line = everyWay(new DroverError('UPSTREAM_UNREACHABLE', 'bubble does not answer', { cause }));
  expect(line).toContain('"code":"UPSTREAM_UNREACHABLE","message":"bubble does not answer"');
  expect(line).toContain('"cause":{"type":"Error","code":"ECONNREFUSED"}');
  expect(line).not.toContain(canary);
});

test('fields that are not listed are dropped, in lines and in children', () => {
  const text = logged((logger) => {
    logger.info({ runId: 'r1', email: canary, body: { canary }, headers: canary }, 'line');
    logger.child({ stage: 'load', payload: canary }).info('child');
  });
  expect(text).toContain('"runId":"r1"');
  expect(text).toContain('"stage":"load"');
  expect(text).not.toContain(canary);
});
