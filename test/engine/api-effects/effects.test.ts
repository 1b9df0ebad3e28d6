import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../db/client.ts';
import { migrateDatabase } from '../../../db/migrate.ts';
import { createEffects, type LeasedRecord, LeaseLostError } from '../../../src/engine/api-effects/effects.ts';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import { DroverError } from '../../../src/errors.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

let created: TestDatabase;
let database: Database;
let held: LeasedRecord;
const sql = async (text: string, values: unknown[] = []) => (await database.$client.query(text, values)).rows;

beforeAll(async () => {
  created = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  database = openDatabase({ url: created.url, applicationName: 'test', onError: () => undefined });
  const [row] = await sql(
    `INSERT INTO drover.records (run_id, entity, source_id, stage, status, epoch, lease_token, lease_until)
     VALUES ('r', 'products', '1', 'load', 'pending', 3, 'mine', now() + interval '1 minute') RETURNING id::text AS id`,
  );
  held = {
    record: { id: row.id, epoch: 3, runId: 'r', entity: 'products', sourceId: '1' },
    token: 'mine',
    leaseMs: 60_000,
  };
});
afterAll(async () => {
  await database.$client.end();
  await created.drop();
});

const effect = (body: object) => ({ step: 'update', body: { ...body }, changes: [] });

/** Sends an effect and returns its idempotency key. */
async function keyOf(body: object, answer: () => Promise<{ id: string }> = async () => ({ id: 'x' })): Promise<string> {
  let used = '';
  const effects = createEffects(createEffectStore(database.$client), held, 'test');
  await effects
    .run(effect(body), (key) => {
      used = key;
      return answer();
    })
    .catch(() => undefined);
  return used;
}

const failing = (code: string) => async () => {
  throw new DroverError(code, 'no');
};

test('an idempotency key is reused only while the response is unknown and the upstream still stores the key', async () => {
  const first = await keyOf({ a: 1 }, failing('UPSTREAM_UNREACHABLE'));
  expect(await keyOf({ a: 1 }, failing('UPSTREAM_RATE_LIMIT'))).toBe(first);
  expect(await keyOf({ a: 1 }, failing('UPSTREAM_ERROR'))).toBe(first);
  const second = await keyOf({ a: 1 }, failing('UPSTREAM_UNREACHABLE'));
  expect(second).not.toBe(first);
  await sql(`UPDATE drover.intents SET first_sent_at = now() - interval '22 hours'`);
  expect(await keyOf({ a: 1 }, failing('UPSTREAM_TIMEOUT'))).toBe(second);
  await sql(`UPDATE drover.intents SET first_sent_at = now() - interval '23 hours 1 minute'`);
  const third = await keyOf({ a: 1 });
  expect(new Set([first, second, third, await keyOf({ a: 1 })]).size).toBe(4);
  expect(await keyOf({ a: 2 })).not.toBe(first);
  expect(await sql('SELECT state, attempts, version FROM drover.intents ORDER BY attempts DESC')).toEqual([
    { state: 'answered', attempts: 7, version: 4 },
    { state: 'answered', attempts: 1, version: 1 },
  ]);
});

test('the first before-image of a run is kept, and written fields accumulate', async () => {
  const effects = createEffects(createEffectStore(database.$client), held, 'test');
  const object = { kind: 'price', id: 'p1' };
  const send = async () => ({ id: 'p1' });
  const change = (before: object, after: object) => [{ object, before: { ...before }, after: { ...after } }];
  await effects.run({ step: 'one', body: { n: 1 }, changes: change({ active: true, key: 'k' }, { key: null }) }, send);
  await effects.run(
    { step: 'two', body: { n: 2 }, changes: change({ active: true, key: null }, { active: false }) },
    send,
  );
  const images = await createEffectStore(database.$client).images('r', 'products', '1');
  expect(images).toMatchObject([
    {
      kind: 'price',
      id: 'p1',
      operation: 'update',
      before: { active: true, key: 'k' },
      after: { active: false, key: null },
    },
  ]);
});

test('a worker that lost its lease sends nothing', async () => {
  const late = createEffects(createEffectStore(database.$client), { ...held, token: 'theirs' }, 'test');
  let sent = false;
  const send = async () => {
    sent = true;
    return { id: 'x' };
  };
  await expect(late.run(effect({ b: 1 }), send)).rejects.toThrow(LeaseLostError);
  expect(sent).toBe(false);
  expect(await sql(`SELECT 1 FROM drover.intents WHERE state = 'sent'`)).toEqual([]);
});
